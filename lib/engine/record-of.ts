import { bytesToHex } from "@noble/hashes/utils.js";
import { EMPTY_EDGE, edgeRoot, grow } from "../core/ledger/edge.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { Malformed } from "../core/ledger/errors.ts";
import { type Hash, leafHash } from "../core/ledger/merkle.ts";
import { type ReadFile, readPiece } from "../core/ledger/pieces.ts";
import { type OpenShard, totalOf } from "../core/ledger/shards.ts";
import { bundlePath, splitEntries, TILE, tileWidth } from "../core/ledger/tiles.ts";
import { type AsOf, type Moment, type Sealed, sizeAt } from "../core/review/entry.ts";
import type { Instant } from "../core/types.ts";

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
  /** The shard in which its first so many entries end, and how many of them, with their root (hex). */
  readonly endOf: (size: number) => Omit<AsOf, "at">;
};

const bundle = async (read: ReadFile, index: number, width: number): Promise<readonly Uint8Array[]> => {
  const bytes = await readPiece(read, (w) => bundlePath(index, w), width);
  const entries = bytes ? splitEntries(bytes).slice(0, width) : [];
  if (entries.length === width) return entries;
  throw new Malformed(`${bundlePath(index, width)} is missing or cut short`);
};

type Leaves = OpenShard & { readonly bytes: readonly Uint8Array[]; readonly leaves: readonly Hash[] };

const rootAt = ({ leaves }: Leaves, size: number): string =>
  bytesToHex(edgeRoot(grow(EMPTY_EDGE, leaves.slice(0, size))));

const readShard = async (shard: OpenShard): Promise<Leaves> => {
  const { size, root, read } = shard;
  const bytes: Uint8Array[] = [];
  for (let index = 0; index * TILE < size; index += 1)
    bytes.push(...(await bundle(read, index, tileWidth(size, 0, index))));
  const whole = { ...shard, bytes, leaves: bytes.map(leafHash) };
  // Before anything of them is parsed.
  if (rootAt(whole, size) === bytesToHex(root)) return whole;
  throw new Malformed("the entries are not what the checkpoint signs; `rekey ledger verify` names what was altered");
};

/**
 * Reads every entry of a log into memory (about 1 KB each) and checks that together they are what the checkpoints sign.
 * Throws Malformed when they are not; `rekey ledger verify` then names the entry.
 */
export const readLog = async (opened: readonly [...OpenShard[], OpenShard]): Promise<ReadLog> => {
  const shards: Leaves[] = [];
  for (const shard of opened) shards.push(await readShard(shard));
  const newest = opened[opened.length - 1] as OpenShard;
  const endOf: ReadLog["endOf"] = (size) => {
    // An empty beginning is the first shard's, and the end of a shard its own.
    const shard = shards.find(({ base, size: own }) => size <= base + own);
    if (!shard) throw new Error(`law broken: ${size} entries of ${totalOf(opened)}`);
    const { origin, base } = shard;
    return { origin, size: size - base, root: rootAt(shard, size - base), ...(base > 0 && { before: base }) };
  };
  const entries = shards.flatMap(({ base, bytes }) =>
    bytes.map((entry, i): Sealed => ({ ...decodeEntry(entry), index: base + i })),
  );
  const { note, root } = newest;
  const origin = opened[0].origin;
  return { origin, size: entries.length, root: bytesToHex(root), note, entries, endOf };
};

/** The log as of a moment: what the ledger had taken by then. Without one: all of it, as of when its newest was taken. */
export const asOf = (log: ReadLog, at: Instant | undefined, ms: Moment["ms"]): AsOf => {
  const newest = log.entries.reduce((last, { receivedAt }) => (receivedAt > last ? receivedAt : last), "" as Instant);
  const size = at === undefined ? log.size : sizeAt(log.entries, { at, ms });
  return { ...log.endOf(size), at: at ?? newest };
};
