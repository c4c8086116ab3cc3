import { hexToBytes } from "@noble/hashes/utils.js";
import type { Instant } from "../types.ts";
import { type Batch, makeBatch, type ReadPiece } from "./batch.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { Fork } from "./errors.ts";
import type { Committed } from "./ports.ts";
import { closingEntry, openingEntry, previousIn, type Shard, shardAt, shardOf, yearOf } from "./shard.ts";

/** What a commit adds to one shard. */
export type Part = { readonly shard: Shard; readonly batch: Batch };
/** Reads the pieces of a shard. */
export type ReaderOf = (shard: Shard) => ReadPiece;

/** The year that a log turns to at a commit; undefined while it is in it, or its shard holds nothing yet. */
export const turnTo = (log: string, { size, shard, at }: Committed, now: Instant): string | undefined =>
  size > shardOf(log, shard).base && yearOf(now) > yearOf(at) ? yearOf(now) : undefined;

/**
 * What turns a log to its next year, in one commit, so that no reader meets an end that leads nowhere: the entry that
 * closes the shard, and the one that begins the next with what the closed one ended as.
 */
export const turnParts = async (
  log: string,
  lock: Committed,
  { year, at }: { readonly year: string; readonly at: Instant },
  readerOf: ReaderOf,
): Promise<readonly [closed: Part, opened: Part]> => {
  const from = shardOf(log, lock.shard);
  const to = shardOf(log, { year, base: lock.size + 1 });
  const closing = [closingEntry(from, to.origin, at)];
  const closed = await makeBatch(lock.size - from.base, closing, readerOf(from), lock.root);
  const end = { origin: from.origin, size: closed.size, root: hexToBytes(closed.root) };
  const opened = await makeBatch(0, [openingEntry(to, end, at)], readerOf(to));
  return [
    { shard: from, batch: closed },
    { shard: to, batch: opened },
  ];
};

/** The parts of a turn from the entries that were staged for it. Throws Fork where they do not lead to what was committed. */
export const recallTurn = async (
  log: string,
  lock: Committed,
  [closing, opening]: readonly Uint8Array[],
  readerOf: ReaderOf,
): Promise<readonly Part[]> => {
  const to = shardOf(log, lock.shard);
  const { previous } = (opening && previousIn(opening, to)) ?? {};
  if (!closing || !opening || !previous) throw new Fork(`${lock.stage} does not hold what ${to.origin} begins with`);
  const from = shardAt(previous.origin, to.base - previous.size);
  const closed = await makeBatch(previous.size - 1, [closing], readerOf(from));
  if (closed.root !== previous.root)
    throw new Fork(`${from.origin} ends with root ${closed.root}, ${to.origin} begins with ${previous.root}`);
  return [
    { shard: from, batch: closed },
    { shard: to, batch: await makeBatch(0, [opening], readerOf(to)) },
  ];
};

/** The text of the checkpoint that a part leads to. */
export const checkpointOf = ({ shard: { origin }, batch: { size, root } }: Part): string =>
  formatCheckpoint({ origin, size, root: hexToBytes(root) });
