import type { Replies } from "../core/commands.ts";
import { Conflict } from "../core/errors.ts";
import type { LifecycleEvent } from "../core/events.ts";
import type { Secret } from "../core/secret.ts";
import type { Identifier, VersionId } from "../core/types.ts";
import type { VaultEntry } from "../core/vault.ts";
import { type Attached, attach } from "./attach.ts";
import { type Attempt, create, failed, finish, labelled, type RotateWorld, type Work } from "./attempt.ts";
import { awaiting, takeOver } from "./attest.ts";
import { endTurn } from "./turn.ts";

export type StepName = "createSecret" | "setSecret" | "testSecret" | "finishSecret";
type Begun = {
  readonly attached: Attached;
  readonly entry: VaultEntry;
  readonly since: number;
  readonly identity?: Identifier;
};

const beginning = async ({ vault, rotators, deps, clock }: RotateWorld, { credential }: Attempt): Promise<Begun> => {
  const entry = await vault.describe(credential);
  const attached = attach(rotators, deps, entry);
  if (attached.byPeople) throw awaiting(attached, credential, "replace it");
  return { attached, entry, since: clock.ticks() };
};

/** The steps of one attempt need not meet one process: what an earlier one remembered is then read again. */
const identityOf = async (world: RotateWorld, attempt: Attempt, begun: Begun | undefined): Promise<Identifier> => {
  if (begun?.identity) return begun.identity;
  const { attached } = begun ?? (await beginning(world, attempt));
  return attached.identity(await world.vault.read(attempt.credential, { stage: "current" }));
};

/** Whoever fails gives up the turn at the target, if it can still be told. Before it was taken there is none. */
const failing = async (
  world: RotateWorld,
  attempt: Attempt,
  { step, error, begun }: { readonly step: StepName; readonly error: unknown; readonly begun: Begun | undefined },
): Promise<never> => {
  const identity =
    step === "createSecret" ? begun?.identity : await identityOf(world, attempt, begun).catch(() => undefined);
  return failed(world, attempt, { step, error, identity });
};

/**
 * The four steps of Secrets Manager's rotation contract, each idempotent per token
 * (docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html). What the tags said when
 * the attempt began holds for the attempt: within one process it is remembered, which also saves a DescribeSecret.
 */
export const rotationSteps = (world: RotateWorld) => {
  const begun = new Map<VersionId, Begun>();

  const begin = async (attempt: Attempt): Promise<Begun> => {
    const fresh = await beginning(world, attempt);
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
      const fresh = await begin(attempt);
      const { attached, entry } = fresh;
      if (entry.labels.current === attempt.version) return;
      if (entry.labels.pending !== attempt.version) {
        throw new Conflict(
          `Secret ${attempt.credential}: version ${attempt.version} does not carry AWSPENDING, so this rotation is stale. Nothing was changed.`,
        );
      }
      const { identity } = await create(world, { ...attempt, attached, entry });
      begun.set(attempt.version, { ...fresh, identity });
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
      const identity = await identityOf(world, attempt, begun.get(attempt.version));
      await finish(world, attempt, entry, begun.get(attempt.version)?.since);
      await endTurn(world, identity, attempt.credential);
      begun.delete(attempt.version);
    },
  };

  return (step: StepName, attempt: Attempt): Promise<void> =>
    steps[step](attempt).catch((error) => failing(world, attempt, { step, error, begun: begun.get(attempt.version) }));
};

/** All steps in one call: for containment and for a person's command. Repeating an attempt finishes or confirms it. */
export const rotateNow = async (world: RotateWorld, attempt: Attempt): Promise<Replies["rotate"]> => {
  const since = world.clock.ticks();
  let step: StepName = "createSecret";
  let identity: Identifier | undefined;
  try {
    const entry = await world.vault.describe(attempt.credential);
    const attached = attach(world.rotators, world.deps, entry);
    if (attached.byPeople && !attempt.evidence) throw awaiting(attached, attempt.credential, "replace it");
    if (entry.labels.current === attempt.version) {
      return { ...(await finish(world, attempt, entry, undefined)), installedAt: world.clock.now() };
    }
    if (attached.byPeople) return await takeOver(world, attempt, { attached, entry });
    const { pending } = entry.labels;
    // A dead attempt's version is discarded, not promoted: who could read it may be whom this rotation locks out.
    if (pending && pending !== attempt.version && pending !== entry.labels.current) {
      await world.vault.unstage(attempt.credential, pending);
    }
    const { signal } = attempt;
    const { target, verbs } = attached;
    const made = await create(world, { ...attempt, attached, entry });
    const { next, current } = made;
    identity = made.identity;
    step = "setSecret";
    await verbs.install({ target, next, current, signal });
    const installedAt = world.clock.now();
    step = "testSecret";
    await verbs.verify({ target, material: next, signal });
    step = "finishSecret";
    const finished = await finish(world, attempt, entry, since);
    await endTurn(world, identity, attempt.credential);
    return { ...finished, installedAt };
  } catch (error) {
    return failed(world, attempt, { step, error, identity });
  }
};

/**
 * For a containment: its revocation must not wait for the ledger, so the events go back to whoever called, who spools
 * what the ledger does not take.
 */
export const rotateUrgently = async (world: RotateWorld, attempt: Attempt): Promise<Replies["rotate"]> => {
  const events: LifecycleEvent[] = [];
  const append = async (event: LifecycleEvent) => ({ seq: events.push(event) });
  const reply = await rotateNow({ ...world, ledger: { append } }, { ...attempt, urgent: true });
  return { ...reply, events };
};
