import { bytesToHex } from "@noble/hashes/utils.js";
import { toText } from "../core/ledger/bytes.ts";
import { openCheckpoint } from "../core/ledger/checkpoint.ts";
import { EMPTY_EDGE, edgeRoot, grow } from "../core/ledger/edge.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { Malformed } from "../core/ledger/errors.ts";
import { leafHash } from "../core/ledger/merkle.ts";
import type { Verifier } from "../core/ledger/note.ts";
import { type ReadFile, readPiece } from "../core/ledger/pieces.ts";
import { bundlePath, splitEntries, TILE, tileWidth } from "../core/ledger/tiles.ts";
import { type AsOf, type Moment, type Sealed, sizeAt } from "../core/review/entry.ts";
import type { Instant } from "../core/types.ts";

/** A log read whole and found to be what its checkpoint signs. */
export type ReadLog = {
  readonly origin: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  /** The signed note, as it was published. */
  readonly note: string;
  readonly entries: readonly Sealed[];
  /** Root of its first so many entries, hex. */
  readonly rootAt: (size: number) => string;
};

const bundle = async (read: ReadFile, index: number, width: number): Promise<readonly Uint8Array[]> => {
  const bytes = await readPiece(read, (w) => bundlePath(index, w), width);
  const entries = bytes ? splitEntries(bytes).slice(0, width) : [];
  if (entries.length === width) return entries;
  throw new Malformed(`${bundlePath(index, width)} is missing or cut short`);
};

/**
 * Reads every entry of a log into memory (about 1 KB each) and checks that together they are what the checkpoint signs.
 * Throws Malformed when they are not; `rekey ledger verify` then names the entry.
 */
export const readLog = async (read: ReadFile, by: Verifier): Promise<ReadLog> => {
  const published = await read("checkpoint");
  if (!published) throw new Malformed("there is no checkpoint: nothing was sealed, or this is no export of a ledger");
  const note = toText(published);
  const { origin, size, root } = openCheckpoint(note, by);
  const bytes: Uint8Array[] = [];
  for (let index = 0; index * TILE < size; index += 1)
    bytes.push(...(await bundle(read, index, tileWidth(size, 0, index))));
  const leaves = bytes.map(leafHash);
  const rootAt = (upTo: number): string => bytesToHex(edgeRoot(grow(EMPTY_EDGE, leaves.slice(0, upTo))));
  // Before anything of them is parsed.
  if (rootAt(size) !== bytesToHex(root))
    throw new Malformed("the entries are not what the checkpoint signs; `rekey ledger verify` names what was altered");
  const entries = bytes.map((entry, index): Sealed => ({ ...decodeEntry(entry), index }));
  return { origin, size, root: bytesToHex(root), note, entries, rootAt };
};

/** The log as of a moment: what the ledger had taken by then. Without one: all of it, as of when its newest was taken. */
export const asOf = (log: ReadLog, at: Instant | undefined, ms: Moment["ms"]): AsOf => {
  const newest = log.entries.reduce((last, { receivedAt }) => (receivedAt > last ? receivedAt : last), "" as Instant);
  const size = at === undefined ? log.size : sizeAt(log.entries, { at, ms });
  return { origin: log.origin, size, root: log.rootAt(size), at: at ?? newest };
};
