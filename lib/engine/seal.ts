import { bytesToHex } from "@noble/hashes/utils.js";
import { makeBatch } from "../core/ledger/batch.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { Fork } from "../core/ledger/errors.ts";
import { EMPTY_ROOT } from "../core/ledger/merkle.ts";
import type { Committed } from "../core/ledger/ports.ts";
import { type ShardMark, shardOf } from "../core/ledger/shard.ts";
import { joinEntries, splitEntries } from "../core/ledger/tiles.ts";
import { checkpointOf, type Part, type ReaderOf, recallTurn, turnParts, turnTo } from "../core/ledger/turn.ts";
import { choose, type Parked } from "./seal-choose.ts";
import { CHECKPOINT, createSame, finish, type SealPorts } from "./seal-finish.ts";
import { keysFor, mustFollow, type Signing, signingKeys, signNote } from "./seal-sign.ts";

export type SealOptions = {
  readonly signal: AbortSignal;
  /** Events per commit. */
  readonly limit?: number;
};
/**
 * `sealed` a batch was committed · `recovered` another run's commit was finished · `outrun` another run committed
 * first · `idle` nothing waited.
 */
export type Cycle = {
  readonly outcome: "sealed" | "recovered" | "outrun" | "idle";
  readonly events: number;
  /** Streams that wait because somebody wrote in them by hand. */
  readonly parked: readonly Parked[];
};

const BATCH = 1000;
/** Lets a run that outran us finish before we look again. */
const OUTRUN_PAUSE_MS = 100;

const readersIn =
  ({ archive, work }: SealPorts, signal: AbortSignal): ReaderOf =>
  ({ dir }) =>
  async (path, full) => {
    const stored = await (full ? archive : work).get(dir + path, signal);
    if (stored !== undefined) return stored.bytes;
    throw new Fork(
      `${dir}${path} is missing in the ${full ? "archive" : "work"} bucket: restore that object, then seal again`,
    );
  };

/**
 * The lock; made if there is none, unless the log has published before: then the lock was deleted, and starting over
 * would fork. It is read again last, since another run may have begun the log, and published, between our calls.
 */
const begin = async ({ lock, work, clock }: SealPorts, signal: AbortSignal): Promise<Committed> => {
  const found = await lock.read(signal);
  if (found !== undefined) return found;
  const first = { size: 0, root: bytesToHex(EMPTY_ROOT), stage: "", checkpoint: "", at: clock.now(), applied: true };
  if ((await work.get(CHECKPOINT, signal)) === undefined) await lock.create(first, signal);
  const begun = await lock.read(signal);
  if (begun !== undefined) return begun;
  throw new Fork("the log has a published checkpoint but no lock record: restore the lock record from backup");
};

/** What a commit is to be: parts of one shard, or of a turn, which moves the log to another. */
type Meant = {
  readonly parts: readonly Part[];
  readonly shard: ShardMark | undefined;
  readonly keys: readonly Signing[];
};

/** Stages the entries, signs, and swaps the lock; undefined when another run was first. */
const commit = async (
  { archive, lock, clock }: SealPorts,
  from: number,
  { parts, shard, keys }: Meant,
  signal: AbortSignal,
): Promise<Committed | undefined> => {
  const [last, before] = [parts.at(-1), parts.at(-2)];
  if (!last) throw new Error("law broken: a commit of nothing");
  const entries = parts.flatMap(({ batch }) => batch.entries);
  const [size, root] = [from + entries.length, last.batch.root];
  const stage = `staging/${from}-${size}-${root}`;
  const stageVersion = await createSame(archive, stage, joinEntries(entries), signal);
  const staged = { stage, ...(stageVersion !== undefined && { stageVersion }) };
  const sign = (part: Part) => signNote(keysFor(keys, part.shard.origin), checkpointOf(part), signal);
  const notes = { checkpoint: await sign(last), closing: before ? await sign(before) : "" };
  const next = { size, root, ...(shard && { shard }), ...staged, ...notes, at: clock.now(), applied: false };
  return (await lock.commit(next, from, signal)) ? next : undefined;
};

/** What led to a commit, from its stage. */
const recall = async (ports: SealPorts, lock: Committed, signal: AbortSignal): Promise<readonly Part[]> => {
  const readerOf = readersIn(ports, signal);
  const staged = await ports.archive.get(lock.stage, signal, lock.stageVersion);
  if (!staged) throw new Fork(`${lock.stage} is gone from the archive: restore that object, then seal again`);
  const entries = splitEntries(staged.bytes);
  const shard = shardOf(ports.origin, lock.shard);
  const parts = lock.closing
    ? await recallTurn(ports.origin, lock, entries, readerOf)
    : [{ shard, batch: await makeBatch(lock.size - shard.base - entries.length, entries, readerOf(shard)) }];
  const root = parts.at(-1)?.batch.root;
  if (root === lock.root) return parts;
  throw new Fork(`${lock.stage} leads to root ${root}, the lock says ${lock.root}: one of them was altered`);
};

const commitAndFinish = async (
  ports: SealPorts,
  from: number,
  meant: Meant,
  signal: AbortSignal,
): Promise<"sealed" | "outrun"> => {
  const next = await commit(ports, from, meant, signal);
  if (next === undefined) return "outrun";
  await finish(ports, next, meant.parts, meant.keys, signal);
  return "sealed";
};

/** Those that were appended: what the sealer says of a shard is not counted. */
const eventsOf = (parts: readonly Part[]): number => (parts.length > 1 ? 0 : (parts[0]?.batch.entries.length ?? 0));

/**
 * One cycle of the sequencer; any number may run at once, and any may die at any line: what a commit implies is
 * finished by whoever comes next. Throws Fork, and does so again on every run, when what is stored was altered.
 */
export const sealOnce = async (ports: SealPorts, { signal, limit = BATCH }: SealOptions): Promise<Cycle> => {
  // The lock is read before the candidates: a commit in between changes its size, and our swap fails.
  const lock = await begin(ports, signal);
  const { origin, clock } = ports;
  const shard = shardOf(origin, lock.shard);
  const keys = await signingKeys(ports, signal);
  mustFollow(lock, keysFor(keys, shard.origin));
  if (!lock.applied) {
    const parts = await recall(ports, lock, signal);
    await finish(ports, lock, parts, keys, signal);
    return { outcome: "recovered", events: eventsOf(parts), parked: [] };
  }
  const year = turnTo(origin, lock, clock.now());
  if (year !== undefined) {
    const parts = await turnParts(origin, lock, { year, at: clock.now() }, readersIn(ports, signal));
    const meant = { parts, shard: { year, base: lock.size + 1 }, keys };
    return { outcome: await commitAndFinish(ports, lock.size, meant, signal), events: 0, parked: [] };
  }
  const { rows, parked } = await choose(ports, limit, lock.size === 0, signal);
  if (rows.length === 0) return { outcome: "idle", events: 0, parked };
  const entries = rows.map((row) => toBytes(row.body));
  const batch = await makeBatch(lock.size - shard.base, entries, readersIn(ports, signal)(shard), lock.root);
  const meant = { parts: [{ shard, batch }], shard: lock.shard, keys };
  const outcome = await commitAndFinish(ports, lock.size, meant, signal);
  return { outcome, events: outcome === "sealed" ? rows.length : 0, parked };
};

/** Seals until nothing waits, or until `mayStart` says that there is no time for another cycle; the first always runs. */
export const sealUntilIdle = async (
  ports: SealPorts,
  options: SealOptions & { readonly mayStart?: () => boolean },
): Promise<{ readonly events: number; readonly idle: boolean; readonly parked: readonly Parked[] }> => {
  const { signal, mayStart = () => true } = options;
  const parked = new Map<string, Parked>();
  let events = 0;
  do {
    const cycle = await sealOnce(ports, options);
    for (const one of cycle.parked) parked.set(one.stream, one);
    events += cycle.events;
    if (cycle.outcome === "idle") return { events, idle: true, parked: [...parked.values()] };
    if (cycle.outcome === "outrun") await ports.clock.sleep(OUTRUN_PAUSE_MS, signal);
  } while (mayStart());
  return { events, idle: false, parked: [...parked.values()] };
};
