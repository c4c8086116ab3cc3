import { bytesToHex } from "@noble/hashes/utils.js";
import { sameBytes } from "./bytes.ts";
import { type Edge, edgeRoot, grow, loadEdge } from "./edge.ts";
import { Fork } from "./errors.ts";
import { type Hash, leafHash } from "./merkle.ts";
import { bundlePath, joinEntries, joinHashes, splitEntries, splitHashes, TILE, tilePath, tileWidth } from "./tiles.ts";

/** Full tiles and bundles last for ever; partial ones only until the next commit has replaced them. */
export type Piece = { readonly path: string; readonly bytes: Uint8Array; readonly full: boolean };
/** What appending a batch to a log makes. */
export type Batch = {
  readonly from: number;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  readonly entries: readonly Uint8Array[];
  readonly pieces: readonly Piece[];
};
/** Reads a piece that must be there; throws Fork when it is not. */
export type ReadPiece = (path: string, full: boolean) => Promise<Uint8Array>;

const readTile =
  (read: ReadPiece) =>
  async (level: number, index: number, width: number): Promise<readonly Hash[]> =>
    splitHashes(await read(tilePath(level, index, width), width === TILE), width);

const tilesOf = (old: Edge, leaves: readonly Hash[]): { readonly edge: Edge; readonly pieces: readonly Piece[] } => {
  const pieces: Piece[] = [];
  const edge = grow(old, leaves, (level, index, hashes) => {
    pieces.push({ path: tilePath(level, index), bytes: joinHashes(hashes), full: true });
  });
  edge.levels.forEach((hashes, level) => {
    const isNew = Math.floor(edge.size / TILE ** level) > Math.floor(old.size / TILE ** level);
    if (hashes.length === 0 || !isNew) return;
    const index = Math.floor(edge.size / TILE ** (level + 1));
    pieces.push({ path: tilePath(level, index, hashes.length), bytes: joinHashes(hashes), full: false });
  });
  return { edge, pieces };
};

/** The entries of the bundle that is not full, checked against their tile: what is altered here would be archived. */
const begunBundle = async (old: Edge, read: ReadPiece): Promise<readonly Uint8Array[]> => {
  const hashes = old.levels[0] ?? [];
  if (hashes.length === 0) return [];
  const path = bundlePath(Math.floor(old.size / TILE), hashes.length);
  const entries = splitEntries(await read(path, false));
  const altered = hashes.findIndex((hash, i) => !sameBytes(hash, leafHash(entries[i] ?? new Uint8Array())));
  if (altered < 0 && entries.length === hashes.length) return entries;
  throw new Fork(`${path} does not hold the entries that its tile says: it was altered`);
};

const bundlesOf = async (old: Edge, entries: readonly Uint8Array[], read: ReadPiece): Promise<readonly Piece[]> => {
  const first = Math.floor(old.size / TILE);
  const begun = await begunBundle(old, read);
  const all = [...begun, ...entries];
  return Array.from({ length: Math.ceil(all.length / TILE) }, (_, i) => {
    const slice = all.slice(i * TILE, (i + 1) * TILE);
    const path = bundlePath(first + i, slice.length);
    return { path, bytes: joinEntries(slice), full: slice.length === TILE };
  });
};

/**
 * The pieces, size and root after appending entries to a log of `from` entries, whose right edge it reads.
 * With `root` (hex) it first checks that the edge hashes to it and throws Fork when it does not: lock or tiles
 * were written by somebody else.
 */
export const makeBatch = async (
  from: number,
  entries: readonly Uint8Array[],
  read: ReadPiece,
  root?: string,
): Promise<Batch> => {
  const old = await loadEdge(from, readTile(read));
  const found = bytesToHex(edgeRoot(old));
  if (root !== undefined && found !== root)
    throw new Fork(`the tiles of size ${from} hash to ${found}, the lock says ${root}: one of them was altered`);
  const { edge, pieces } = tilesOf(old, entries.map(leafHash));
  const bundles = await bundlesOf(old, entries, read);
  return { from, size: edge.size, root: bytesToHex(edgeRoot(edge)), entries, pieces: [...pieces, ...bundles] };
};

/** Every file of a log of `size` entries beside its checkpoint, as C2SP tlog-tiles lays them out. */
export const pathsOf = function* (size: number): Generator<string> {
  for (let level = 0; Math.floor(size / TILE ** level) > 0; level += 1)
    for (let index = 0; tileWidth(size, level, index) > 0; index += 1)
      yield tilePath(level, index, tileWidth(size, level, index));
  for (let index = 0; tileWidth(size, 0, index) > 0; index += 1) yield bundlePath(index, tileWidth(size, 0, index));
};
