import { LOG } from "../core/events.ts";
import type { Verifier } from "../core/ledger/note.ts";
import type { ReadFile } from "../core/ledger/pieces.ts";
import { checkProof, prove } from "../core/ledger/proof.ts";
import { openShards } from "../core/ledger/shards.ts";
import { type Verdict, verifyLog } from "../core/ledger/verify.ts";
import type { Clock, Instant, Ledger } from "../core/types.ts";

export type WatchWorld = {
  readonly ledger: Pick<Ledger, "append">;
  readonly by: Verifier;
  readonly read: ReadFile;
  readonly clock: Clock;
};

const ACTOR = { kind: "service", principal: "rekey-watch" } as const;
/** One beat an hour, and ten minutes in which the sealer may be slow. */
const STALE_MS = 70 * 60_000;

/** What the newest sealed entry says of when it was taken; undefined when nothing was sealed. */
const newest = async ({ by, read }: WatchWorld): Promise<Instant | undefined> => {
  if ((await read("checkpoint")) === undefined) return undefined;
  const shard = (await openShards(read, by)).at(-1);
  if (!shard || shard.size === 0) return undefined;
  return checkProof(await prove(shard, shard.size - 1), by).event.receivedAt;
};

/**
 * Appends this hour's beat, so that a log that stands still shows even when nothing else happens, and tells whether the
 * beats of before were sealed. Throws Malformed where checkpoint or tiles are not what was signed.
 */
export const beat = async (
  world: WatchWorld,
): Promise<{ readonly isStale: boolean; readonly newest: Instant | null }> => {
  const { clock, ledger } = world;
  const at = clock.now();
  const { seq } = await ledger.append({
    id: `heartbeat:${at.slice(0, 13)}`,
    stream: LOG,
    type: "ledger.heartbeat",
    at,
    actor: ACTOR,
    data: {},
  });
  const last = await newest(world);
  // The first beat of a new log has nothing before it that could have been sealed.
  if (last === undefined) return { isStale: seq > 1, newest: null };
  return { isStale: clock.between(last, at) > STALE_MS, newest: last };
};

/** Hashes the whole log again, from its entries up, and records what came of it. */
export const rehash = async (world: WatchWorld): Promise<Verdict> => {
  const { clock, ledger, by, read } = world;
  const verdict = await verifyLog(read, by);
  const at = clock.now();
  await ledger.append({
    id: `verified:${at}`,
    stream: LOG,
    type: "ledger.verified",
    at,
    actor: ACTOR,
    data: {
      good: verdict.good,
      size: verdict.checkpoint?.size ?? 0,
      root: verdict.checkpoint?.root ?? null,
      findings: verdict.findings.length + verdict.unlisted,
      first: verdict.findings[0]?.message.slice(0, 280) ?? null,
    },
  });
  return verdict;
};
