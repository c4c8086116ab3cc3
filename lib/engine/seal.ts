import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { type Batch, makeBatch, type ReadPiece } from "../core/ledger/batch.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { formatCheckpoint } from "../core/ledger/checkpoint.ts";
import { Fork } from "../core/ledger/errors.ts";
import { EMPTY_ROOT } from "../core/ledger/merkle.ts";
import type { Committed } from "../core/ledger/ports.ts";
import { joinEntries, splitEntries } from "../core/ledger/tiles.ts";
import { choose, type Parked } from "./seal-choose.ts";
import { CHECKPOINT, createSame, finish, type SealPorts } from "./seal-finish.ts";
import { mustFollow, type Signing, signingKeys, signNote } from "./seal-sign.ts";

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

const pieceReader =
  ({ archive, work }: SealPorts, signal: AbortSignal): ReadPiece =>
  async (path, full) => {
    const stored = await (full ? archive : work).get(path, signal);
    if (stored !== undefined) return stored.bytes;
    throw new Fork(
      `${path} is missing in the ${full ? "archive" : "work"} bucket: restore that object, then seal again`,
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

/** Stages the batch, signs, and swaps the lock; undefined when another run was first. */
const commit = async (
  ports: SealPorts,
  batch: Batch,
  keys: readonly Signing[],
  signal: AbortSignal,
): Promise<Committed | undefined> => {
  const { archive, lock, clock, origin } = ports;
  const stage = `staging/${batch.from}-${batch.size}-${batch.root}`;
  const stageVersion = await createSame(archive, stage, joinEntries(batch.entries), signal);
  const text = formatCheckpoint({ origin, size: batch.size, root: hexToBytes(batch.root) });
  const checkpoint = await signNote(keys, text, signal);
  const staged = { stage, ...(stageVersion !== undefined && { stageVersion }) };
  const next = { size: batch.size, root: batch.root, ...staged, checkpoint, at: clock.now(), applied: false };
  return (await lock.commit(next, batch.from, signal)) ? next : undefined;
};

/** The batch that led to a commit, from its stage. */
const recall = async (ports: SealPorts, lock: Committed, signal: AbortSignal): Promise<Batch> => {
  const read = pieceReader(ports, signal);
  const staged = await ports.archive.get(lock.stage, signal, lock.stageVersion);
  if (!staged) throw new Fork(`${lock.stage} is gone from the archive: restore that object, then seal again`);
  const entries = splitEntries(staged.bytes);
  const batch = await makeBatch(lock.size - entries.length, entries, read);
  if (batch.root === lock.root) return batch;
  throw new Fork(`${lock.stage} leads to root ${batch.root}, the lock says ${lock.root}: one of them was altered`);
};

/**
 * One cycle of the sequencer; any number may run at once, and any may die at any line: what a commit implies is
 * finished by whoever comes next. Throws Fork, and does so again on every run, when what is stored was altered.
 */
export const sealOnce = async (ports: SealPorts, { signal, limit = BATCH }: SealOptions): Promise<Cycle> => {
  // The lock is read before the candidates: a commit in between changes its size, and our swap fails.
  const lock = await begin(ports, signal);
  const keys = await signingKeys(ports, signal);
  mustFollow(lock, keys);
  if (!lock.applied) {
    const batch = await recall(ports, lock, signal);
    await finish(ports, lock, batch, keys, signal);
    return { outcome: "recovered", events: batch.entries.length, parked: [] };
  }
  const { rows, parked } = await choose(ports, limit, lock.size === 0, signal);
  if (rows.length === 0) return { outcome: "idle", events: 0, parked };
  const entries = rows.map((row) => toBytes(row.body));
  const batch = await makeBatch(lock.size, entries, pieceReader(ports, signal), lock.root);
  const next = await commit(ports, batch, keys, signal);
  if (next === undefined) return { outcome: "outrun", events: 0, parked };
  await finish(ports, next, batch, keys, signal);
  return { outcome: "sealed", events: rows.length, parked };
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
