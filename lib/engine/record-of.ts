import { bytesToHex } from "@noble/hashes/utils.js";
import { EMPTY_EDGE, edgeRoot, grow } from "../core/ledger/edge.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { Malformed } from "../core/ledger/errors.ts";
import { type Hash, leafHash } from "../core/ledger/merkle.ts";
import { inParallel } from "../core/ledger/parallel.ts";
import { readPiece } from "../core/ledger/pieces.ts";
import type { Shard } from "../core/ledger/shard.ts";
import type { OpenShard } from "../core/ledger/shards.ts";
import { bundlePath, splitEntries, TILE, tileWidth } from "../core/ledger/tiles.ts";
import { type AsOf, type Moment, type Sealed, sizeAt } from "../core/review/entry.ts";
import type { Instant } from "../core/types.ts";

type ReadShard = Shard & {
  readonly size: number;
  readonly leaves: readonly Hash[];
  readonly entries: readonly Sealed[];
};

/** A log read whole and found to be what its checkpoints sign. */
export type ReadLog = {
  /** Its name, which is the origin of its first shard. */
  readonly origin: string;
  /** Entries of all shards. */
  readonly size: number;
  /** Of the newest shard: its root (hex), and the signed note as it was published. */
  readonly root: string;
  readonly note: string;
  readonly entries: readonly Sealed[];
  readonly shards: readonly ReadShard[];
};

const BUNDLES_AT_ONCE = 16;

const bundle = async ({ read, size }: OpenShard, index: number): Promise<readonly Uint8Array[]> => {
  const width = tileWidth(size, 0, index);
  const bytes = await readPiece(read, (w) => bundlePath(index, w), width);
  const entries = bytes ? splitEntries(bytes).slice(0, width) : [];
  if (entries.length === width) return entries;
  throw new Malformed(`${bundlePath(index, width)} is missing or cut short`);
};

/** The entries from a bundle on. */
const entriesFrom = async (shard: OpenShard, first: number): Promise<readonly Uint8Array[]> => {
  const indices = Array.from({ length: Math.ceil(shard.size / TILE) - first }, (_, i) => first + i);
  const bundles: (readonly Uint8Array[])[] = [];
  await inParallel(indices, BUNDLES_AT_ONCE, async (index, i) => {
    bundles[i] = await bundle(shard, index);
  });
  return bundles.flat();
};

const rootOf = (leaves: readonly Hash[]): string => bytesToHex(edgeRoot(grow(EMPTY_EDGE, leaves)));

/** Full bundles never change: those that were read before are not read again. */
const readShard = async (shard: OpenShard, before: ReadShard | undefined): Promise<ReadShard> => {
  const { origin, dir, base, size, root } = shard;
  const kept = before && before.size <= size ? Math.floor(before.size / TILE) * TILE : 0;
  const bytes = await entriesFrom(shard, kept / TILE);
  const leaves = [...(before?.leaves.slice(0, kept) ?? []), ...bytes.map(leafHash)];
  // Before anything of them is parsed.
  if (rootOf(leaves) !== bytesToHex(root))
    throw new Malformed("the entries are not what the checkpoint signs; `rekey ledger verify` names what was altered");
  const fresh = bytes.map((entry, i): Sealed => ({ ...decodeEntry(entry), index: base + kept + i }));
  return { origin, dir, base, size, leaves, entries: [...(before?.entries.slice(0, kept) ?? []), ...fresh] };
};

/**
 * Reads every entry of a log into memory (about 1 KB each) and checks that together they are what the checkpoints sign;
 * with what was read `before`, only what has come since. Throws Malformed when they are not; `rekey ledger verify` then
 * names the entry.
 */
export const readLog = async (opened: readonly [...OpenShard[], OpenShard], before?: ReadLog): Promise<ReadLog> => {
  const shards: ReadShard[] = [];
  for (const shard of opened)
    shards.push(
      await readShard(
        shard,
        before?.shards.find(({ origin }) => origin === shard.origin),
      ),
    );
  const { note, root } = opened[opened.length - 1] as OpenShard;
  const entries = shards.flatMap((shard) => shard.entries);
  return { origin: opened[0].origin, size: entries.length, root: bytesToHex(root), note, entries, shards };
};

/** Where a log's first so many entries end: an empty beginning is the first shard's, and the end of a shard its own. */
const endAt = ({ shards, size: all }: ReadLog, size: number): Omit<AsOf, "at"> => {
  const shard = shards.find((one) => size <= one.base + one.size);
  if (!shard) throw new Error(`law broken: ${size} entries of ${all}`);
  const { origin, base, leaves } = shard;
  const own = size - base;
  return { origin, size: own, root: rootOf(leaves.slice(0, own)), ...(base > 0 && { before: base }) };
};

/** The log as of a moment: what the ledger had taken by then. Without one: all of it, as of when its newest was taken. */
export const asOf = (log: ReadLog, at: Instant | undefined, ms: Moment["ms"]): AsOf => {
  const newest = log.entries.reduce((last, { receivedAt }) => (receivedAt > last ? receivedAt : last), "" as Instant);
  const size = at === undefined ? log.size : sizeAt(log.entries, { at, ms });
  return { ...endAt(log, size), at: at ?? newest };
};
