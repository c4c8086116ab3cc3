import type { Replies } from "../core/commands.ts";
import { Conflict } from "../core/errors.ts";
import type { Actor, LifecycleEvent } from "../core/events.ts";
import { described } from "../core/sanitize.ts";
import type { Secret } from "../core/secret.ts";
import type { Clock, CredentialId, Deps, Ledger, Rotator, Stage, VersionId } from "../core/types.ts";
import type { Vault, VaultEntry } from "../core/vault.ts";
import { type Attached, attach } from "./attach.ts";

export type RotateWorld = {
  readonly vault: Vault;
  readonly ledger: Pick<Ledger, "append">;
  readonly clock: Clock;
  readonly rotators: readonly Rotator[];
  readonly deps: Deps;
  /** Tells consumers; its failure is logged by the adapter and fails nothing. */
  readonly announce: (rotated: { readonly credential: CredentialId; readonly version: VersionId }) => Promise<void>;
};

/** One attempt: the version is the ClientRequestToken and makes every step idempotent. */
export type Attempt = {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly actor: Actor;
  readonly signal: AbortSignal;
  readonly rotationToken?: string;
  readonly reason?: string;
};

export type StepName = "createSecret" | "setSecret" | "testSecret" | "finishSecret";
type Work = Attempt & { readonly attached: Attached; readonly entry: VaultEntry };
type Made = { readonly next: Secret<unknown>; readonly current: Secret<unknown> | undefined };

const startedAt = (
  world: RotateWorld,
  { credential, version, actor, reason }: Attempt,
  kind: string,
): LifecycleEvent => ({
  id: `${version}:started`,
  stream: credential,
  type: "rotation.started",
  at: world.clock.now(),
  actor,
  ...(reason && { reason }),
  data: { version, kind },
});

const labelled = async (world: RotateWorld, work: Work, stage: Stage): Promise<Secret<unknown> | undefined> =>
  work.attached.material(await world.vault.read(work.credential, { stage }));

/** Makes and stores the next version, once; the ledger knows of the attempt before anything else happens. */
const create = async (world: RotateWorld, work: Work): Promise<Made> => {
  const { vault, ledger } = world;
  const { credential, version, attached, signal, rotationToken } = work;
  const [current, staged] = await Promise.all([
    labelled(world, work, "current"),
    work.entry.labels.pending === version ? vault.read(credential, { version }) : undefined,
    ledger.append(startedAt(world, work, attached.kind)),
  ]);
  const kept = attached.material(staged);
  if (kept) return { next: kept, current };
  const { issue, sweep } = attached.verbs;
  const previous = sweep && (await labelled(world, work, "previous"));
  const keep = [current, previous].filter((held) => held !== undefined);
  await sweep?.({ target: attached.target, keep, signal });
  const next = await issue({ target: attached.target, current, previous, signal });
  await vault.stage(credential, version, next, rotationToken);
  return { next, current };
};

const finish = async (world: RotateWorld, attempt: Attempt, entry: VaultEntry, since: number | undefined) => {
  const { credential, version, actor, reason } = attempt;
  const replaced = entry.labels.current === version ? entry.labels.previous : entry.labels.current;
  if (entry.labels.current !== version) await world.vault.promote(credential, version, replaced);
  const durationMs = since === undefined ? null : Math.round(world.clock.ticks() - since);
  await world.ledger.append({
    id: `${version}:succeeded`,
    stream: credential,
    type: "rotation.succeeded",
    at: world.clock.now(),
    actor,
    ...(reason && { reason }),
    data: { version, replaced: replaced ?? null, durationMs },
  });
  await world.announce({ credential, version });
  return { version, replaced: replaced ?? null };
};

const failed = async (world: RotateWorld, attempt: Attempt, step: string, error: unknown): Promise<never> => {
  const { credential, version, actor } = attempt;
  const text = `${described(error).name}: ${described(error).message}`;
  const event: LifecycleEvent = {
    id: `${version}:failed:${step}:${world.clock.now()}`,
    stream: credential,
    type: "rotation.failed",
    at: world.clock.now(),
    actor,
    data: { version, step, error: text },
  };
  // The failure itself is what the caller must hear of, whether or not the ledger could take it.
  await world.ledger.append(event).catch(() => undefined);
  throw error;
};

type Begun = { readonly attached: Attached; readonly entry: VaultEntry; readonly since: number };

/**
 * The four steps of Secrets Manager's rotation contract, each idempotent per token
 * (docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html). What the tags said when
 * the attempt began holds for the attempt: within one process it is remembered, which also saves a DescribeSecret.
 */
export const rotationSteps = (world: RotateWorld) => {
  const begun = new Map<VersionId, Begun>();

  const begin = async (attempt: Attempt): Promise<Begun> => {
    const entry = await world.vault.describe(attempt.credential);
    const fresh = { attached: attach(world.rotators, world.deps, entry), entry, since: world.clock.ticks() };
    begun.set(attempt.version, fresh);
    return fresh;
  };

  const pending = async (attempt: Attempt): Promise<{ readonly work: Work; readonly next: Secret<unknown> }> => {
    const { attached, entry } = begun.get(attempt.version) ?? (await begin(attempt));
    const work = { ...attempt, attached, entry };
    const held = await world.vault.read(attempt.credential, { version: attempt.version, stage: "pending" });
    const next = attached.material(held);
    if (next) return { work, next };
    throw new Conflict(
      `Secret ${attempt.credential} has no AWSPENDING value in version ${attempt.version}: the attempt was cancelled or never created. Rotate it again.`,
    );
  };

  const steps: Record<StepName, (attempt: Attempt) => Promise<void>> = {
    createSecret: async (attempt) => {
      const { attached, entry } = await begin(attempt);
      if (entry.labels.current === attempt.version) return;
      if (entry.labels.pending !== attempt.version) {
        throw new Conflict(
          `Secret ${attempt.credential}: version ${attempt.version} does not carry AWSPENDING, so this rotation is stale. Nothing was changed.`,
        );
      }
      await create(world, { ...attempt, attached, entry });
    },
    setSecret: async (attempt) => {
      const { work, next } = await pending(attempt);
      const current = await labelled(world, work, "current");
      await work.attached.verbs.install({ target: work.attached.target, next, current, signal: work.signal });
    },
    testSecret: async (attempt) => {
      const { work, next } = await pending(attempt);
      await work.attached.verbs.verify({ target: work.attached.target, material: next, signal: work.signal });
    },
    finishSecret: async (attempt) => {
      const entry = await world.vault.describe(attempt.credential);
      await finish(world, attempt, entry, begun.get(attempt.version)?.since);
      begun.delete(attempt.version);
    },
  };

  return (step: StepName, attempt: Attempt): Promise<void> =>
    steps[step](attempt).catch((error) => failed(world, attempt, step, error));
};

/** All steps in one call: for containment and for a person's command. Repeating an attempt finishes or confirms it. */
export const rotateNow = async (world: RotateWorld, attempt: Attempt): Promise<Replies["rotate"]> => {
  const since = world.clock.ticks();
  let step: StepName = "createSecret";
  try {
    const entry = await world.vault.describe(attempt.credential);
    const attached = attach(world.rotators, world.deps, entry);
    if (entry.labels.current === attempt.version) {
      return { ...(await finish(world, attempt, entry, undefined)), installedAt: world.clock.now() };
    }
    const { pending } = entry.labels;
    // A dead attempt's version is discarded, not promoted: who could read it may be whom this rotation locks out.
    if (pending && pending !== attempt.version && pending !== entry.labels.current) {
      await world.vault.unstage(attempt.credential, pending);
    }
    const { signal } = attempt;
    const { target, verbs } = attached;
    const { next, current } = await create(world, { ...attempt, attached, entry });
    step = "setSecret";
    await verbs.install({ target, next, current, signal });
    const installedAt = world.clock.now();
    step = "testSecret";
    await verbs.verify({ target, material: next, signal });
    step = "finishSecret";
    return { ...(await finish(world, attempt, entry, since)), installedAt };
  } catch (error) {
    return failed(world, attempt, step, error);
  }
};
