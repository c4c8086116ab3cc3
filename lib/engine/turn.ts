import { Throttled } from "../core/errors.ts";
import type { Locks } from "../core/locks.ts";
import { firstLookMs, type RetireList, RetirePolicy } from "../core/retiring.ts";
import type { Clock, CredentialId, Identifier, VersionId } from "../core/types.ts";
import type { VaultEntry } from "../core/vault.ts";
import { settings } from "./attach.ts";

export type TurnWorld = { readonly locks: Locks; readonly retiring: Pick<RetireList, "add">; readonly clock: Clock };

/** Longer than any attempt and its retries by Secrets Manager take between two steps, in ms. */
const TURN_MS = 10 * 60_000;

type Turn = { readonly credential: CredentialId; readonly urgent?: boolean };

/**
 * Takes the turn at a target. What is urgent waits for nobody: it takes the turn from whoever has it, and does without
 * when the turns cannot be asked. Throws Throttled: who has it and until when.
 */
export const takeTurn = async (world: TurnWorld, identity: Identifier, { credential, urgent = false }: Turn) => {
  const now = world.clock.now();
  const until = world.clock.after(now, TURN_MS);
  const taken = world.locks.take(identity, credential, { now, until, force: urgent });
  const held = await (urgent ? taken.catch(() => "taken" as const) : taken);
  if (held === "taken") return;
  throw new Throttled(
    `${identity} is being changed by ${held.holder}, until ${held.until} at the latest. The rotation of ${credential} is tried again; two secrets should not share one login.`,
  );
};

/** Whose turn it was may go on; what fails here ends by itself in ten minutes. */
export const endTurn = (world: TurnWorld, identity: Identifier, credential: CredentialId): Promise<void> =>
  world.locks.release(identity, credential).catch(() => undefined);

/** Puts the version that is about to be replaced on the must-die list. Throws nothing where `urgent`. */
export const putOnList = async (
  world: TurnWorld,
  entry: VaultEntry,
  replaced: VersionId | undefined,
  { credential, urgent = false }: Turn,
): Promise<void> => {
  const { network = "default", retire } = settings(entry.tags);
  const policy = RetirePolicy.safeParse(retire);
  const waitMs = policy.success ? firstLookMs(policy.data) : null;
  if (!policy.success || waitMs === null || replaced === undefined) return;
  const since = world.clock.now();
  const adding = world.retiring.add({
    credential,
    network,
    version: replaced,
    since,
    whenAdopted: policy.data.whenAdopted,
    dueAt: world.clock.after(since, waitMs),
    attempts: 0,
  });
  await (urgent ? adding.catch(() => undefined) : adding);
};
