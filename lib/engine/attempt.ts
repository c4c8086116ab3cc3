import type { Evidence } from "../core/attestation.ts";
import { faultOf, Misconfigured } from "../core/errors.ts";
import type { Actor, LifecycleEvent } from "../core/events.ts";
import { tagPrefix } from "../core/names.ts";
import { described } from "../core/sanitize.ts";
import type { Secret } from "../core/secret.ts";
import type {
  Clock,
  CredentialId,
  Deps,
  Identifier,
  Instant,
  Ledger,
  Rotator,
  Stage,
  VersionId,
} from "../core/types.ts";
import type { Vault, VaultEntry } from "../core/vault.ts";
import { type Attached, settings } from "./attach.ts";
import { untilReplicated } from "./replicas.ts";
import { endTurn, putOnList, type TurnWorld, takeTurn } from "./turn.ts";

export type RotateWorld = {
  readonly vault: Vault;
  readonly ledger: Pick<Ledger, "append">;
  readonly clock: Clock;
  readonly rotators: readonly Rotator[];
  readonly deps: Deps;
  readonly locks: TurnWorld["locks"];
  readonly retiring: TurnWorld["retiring"];
  /** Tells consumers; its failure is logged by the adapter and fails nothing. */
  readonly announce: (rotated: {
    readonly credential: CredentialId;
    readonly version: VersionId;
    /** It was current by then. */
    readonly at: Instant;
  }) => Promise<void>;
};

/** One attempt: the version is the ClientRequestToken and makes every step idempotent. */
export type Attempt = {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly actor: Actor;
  readonly signal: AbortSignal;
  readonly rotationToken?: string;
  readonly reason?: string;
  /** Part of a containment: nothing that only records or orders may hold it up. */
  readonly urgent?: boolean;
  /** Of a kind that only people replace: what they say that they have done. */
  readonly evidence?: readonly Evidence[];
};

export type Work = Attempt & { readonly attached: Attached; readonly entry: VaultEntry };
type Made = {
  readonly next: Secret<unknown>;
  readonly current: Secret<unknown> | undefined;
  /** Whose turn was taken. */
  readonly identity: Identifier;
};

export const startedAt = (
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

export const labelled = async (world: RotateWorld, work: Work, stage: Stage): Promise<Secret<unknown> | undefined> =>
  work.attached.material(await world.vault.read(work.credential, { stage }));

/** Throws Misconfigured for a kind that is never rotated: there is nothing to make. */
export const refuseContained = ({
  attached: { kind, containedOnly },
  credential,
}: Pick<Work, "attached" | "credential">) => {
  if (!containedOnly) return;
  throw new Misconfigured(
    `Credential ${credential} is of kind ${kind}, which is contained and never rotated: ${containedOnly} Take its schedule away; \`rekey contain\` and \`rekey restore\` are what there is.`,
  );
};

/** A single login is out of service from install until its workload reads the secret again: critical ones are spared that. */
const refuseGap = ({ attached, entry, urgent = false, credential }: Work): void => {
  const { critical, single } = settings(entry.tags);
  if (urgent || attached.strategy !== "single" || critical !== "true" || single === "accepted") return;
  throw new Misconfigured(
    `Credential ${credential} is critical, and rotating it would refuse its workload until that reads the secret again. Give it two logins or slots (docs/reference/rotators.md, strategies), or set tag ${tagPrefix}single=accepted.`,
  );
};

/** Makes and stores the next version, once; the ledger knows of the attempt before anything else happens. */
export const create = async (world: RotateWorld, work: Work): Promise<Made> => {
  const { vault, ledger } = world;
  const { credential, version, attached } = work;
  const [held, staged] = await Promise.all([
    vault.read(credential, { stage: "current" }),
    work.entry.labels.pending === version ? vault.read(credential, { version }) : undefined,
    ledger.append(startedAt(world, work, attached.kind)),
  ]);
  const current = attached.material(held);
  const identity = attached.identity(held);
  refuseContained(work);
  refuseGap(work);
  await takeTurn(world, identity, work);
  try {
    const next = attached.material(staged) ?? (await make(world, work, current));
    return { next, current, identity };
  } catch (error) {
    await endTurn(world, identity, credential);
    throw error;
  }
};

const make = async (world: RotateWorld, work: Work, current: Secret<unknown> | undefined): Promise<Secret<unknown>> => {
  const { credential, version, attached, signal, rotationToken } = work;
  const { target, verbs } = attached;
  const previous = verbs.sweep && (await labelled(world, work, "previous"));
  const keep = [current, previous].filter((held) => held !== undefined);
  await verbs.sweep?.({ target, keep, signal });
  const next = await verbs.issue({ target, current, previous, signal });
  await world.vault.stage(credential, version, next, rotationToken);
  return next;
};

/** Tells the ledger and the consumers that the version has taken over; twice is once. */
export const toldOf = async (
  world: RotateWorld,
  { credential, version, actor, reason }: Attempt,
  replaced: VersionId | undefined,
  since?: number,
) => {
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
  await world.announce({ credential, version, at: world.clock.now() });
  return { version, replaced: replaced ?? null };
};

export const finish = async (world: RotateWorld, attempt: Attempt, entry: VaultEntry, since: number | undefined) => {
  const { credential, version } = attempt;
  const replaced = entry.labels.current === version ? entry.labels.previous : entry.labels.current;
  // Before the label moves: what has to die is on the list whatever happens after.
  await putOnList(world, entry, replaced, attempt);
  if (entry.labels.current !== version) {
    if (!attempt.urgent) await untilReplicated(world, entry, attempt.signal);
    await world.vault.promote(credential, version, replaced);
  }
  return toldOf(world, attempt, replaced, since);
};

type Failure = { readonly step: string; readonly error: unknown; readonly identity: Identifier | undefined };

/** Records a failure and throws it. The turn at the target is given up: nothing changes there until the next try. */
export const failed = async (
  world: RotateWorld,
  { credential, version, actor }: Attempt,
  { step, error, identity }: Failure,
): Promise<never> => {
  if (identity) await endTurn(world, identity, credential);
  // Nothing was tried: whoever asked hears whom it waits for.
  if (faultOf(error) === "person") throw error;
  const text = `${described(error).name}: ${described(error).message}`;
  const event: LifecycleEvent = {
    id: `${version}:failed:${step}:${world.clock.now()}`,
    stream: credential,
    type: "rotation.failed",
    at: world.clock.now(),
    actor,
    data: { version, step, error: text },
  };
  // The same material would be refused for ever; without its label the next attempt makes other material.
  if (faultOf(error) === "policy") await world.vault.unstage(credential, version).catch(() => undefined);
  // The failure itself is what the caller must hear of, whether or not the ledger could take it.
  await world.ledger.append(event).catch(() => undefined);
  throw error;
};
