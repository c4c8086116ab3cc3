import { sameBytes } from "./bytes.ts";
import { type Hash, nodeHash, rootOf, splitPoint } from "./merkle.ts";
import { TILE, tileWidth } from "./tiles.ts";

/** Root of the entries `[index·2^level, (index+1)·2^level)`, all within the log. */
export type ReadNode = (level: number, index: number) => Promise<Hash>;

/** Reads nodes from a log's tiles. */
export const nodesFromTiles =
  (size: number, readTile: (level: number, index: number, width: number) => Promise<readonly Hash[]>): ReadNode =>
  async (level, index) => {
    const tileLevel = Math.floor(level / 8);
    const span = 2 ** (level % 8);
    const tile = Math.floor((index * span) / TILE);
    const from = (index * span) % TILE;
    return rootOf(await readTile(tileLevel, tile, tileWidth(size, tileLevel, tile)), from, from + span);
  };

/** Root of the entries `[from, to)`, where `from` is a multiple of the largest power of two in `to - from`. */
const rangeRoot = async (from: number, to: number, node: ReadNode): Promise<Hash> => {
  const span = 2 ** Math.floor(Math.log2(to - from));
  const left = await node(Math.log2(span), from / span);
  return from + span === to ? left : nodeHash(left, await rangeRoot(from + span, to, node));
};

/** The hashes that lead from entry `index` to the root of a log of `size` entries (RFC 6962 §2.1.1). */
export const inclusionProof = async (index: number, size: number, node: ReadNode): Promise<readonly Hash[]> => {
  const path = async (from: number, to: number): Promise<readonly Hash[]> => {
    if (to - from <= 1) return [];
    const middle = from + splitPoint(to - from);
    return index < middle
      ? [...(await path(from, middle)), await rangeRoot(middle, to, node)]
      : [...(await path(middle, to)), await rangeRoot(from, middle, node)];
  };
  return path(0, size);
};

/** The hashes that show a log of `size` entries to extend its first `older` (RFC 6962 §2.1.2). */
export const consistencyProof = async (older: number, size: number, node: ReadNode): Promise<readonly Hash[]> => {
  const path = async (from: number, to: number, known: boolean): Promise<readonly Hash[]> => {
    if (to === older) return known ? [] : [await rangeRoot(from, to, node)];
    const middle = from + splitPoint(to - from);
    return older <= middle
      ? [...(await path(from, middle, known)), await rangeRoot(middle, to, node)]
      : [...(await path(middle, to, false)), await rangeRoot(from, middle, node)];
  };
  return older === 0 || older === size ? [] : path(0, size, true);
};

/** Root that an inclusion proof leads to; undefined when its length does not fit. */
const climb = (leaf: Hash, from: number, to: number, index: number, proof: readonly Hash[]): Hash | undefined => {
  const last = proof.at(-1);
  if (to - from === 1) return last === undefined ? leaf : undefined;
  if (last === undefined) return undefined;
  const middle = from + splitPoint(to - from);
  const isLeft = index < middle;
  const inner = climb(leaf, isLeft ? from : middle, isLeft ? middle : to, index, proof.slice(0, -1));
  if (inner === undefined) return undefined;
  return isLeft ? nodeHash(inner, last) : nodeHash(last, inner);
};

/** Whether the leaf is entry `index` of the log of `size` entries with this root. */
export const verifyInclusion = (
  leaf: Hash,
  index: number,
  size: number,
  proof: readonly Hash[],
  root: Hash,
): boolean => {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  const reached = climb(leaf, 0, size, index, proof);
  return reached !== undefined && sameBytes(reached, root);
};

type Roots = { readonly older: Hash; readonly newer: Hash };

/** Where the two logs part: the older one's root, known beforehand or told by the proof's one remaining hash. */
const partAt = (proof: readonly Hash[], known: Hash | undefined): Roots | undefined => {
  const root = known ?? proof[0];
  const isSpent = proof.length === (known === undefined ? 1 : 0);
  return isSpent && root !== undefined ? { older: root, newer: root } : undefined;
};

/** Both roots that a consistency proof leads to, given the older one where the proof leaves it out. */
const climbBoth = (
  older: number,
  from: number,
  to: number,
  proof: readonly Hash[],
  known?: Hash,
): Roots | undefined => {
  if (to === older) return partAt(proof, known);
  const last = proof.at(-1);
  if (last === undefined) return undefined;
  const middle = from + splitPoint(to - from);
  const isLeft = older <= middle;
  const inner = isLeft
    ? climbBoth(older, from, middle, proof.slice(0, -1), known)
    : climbBoth(older, middle, to, proof.slice(0, -1));
  if (inner === undefined) return undefined;
  return isLeft
    ? { older: inner.older, newer: nodeHash(inner.newer, last) }
    : { older: nodeHash(last, inner.older), newer: nodeHash(last, inner.newer) };
};

/** Whether the log of `size` entries with root `newer` extends the one of `older` entries with root `olderRoot`. */
export const verifyConsistency = (
  older: number,
  size: number,
  proof: readonly Hash[],
  olderRoot: Hash,
  newer: Hash,
): boolean => {
  if (older > size) return false;
  if (older === size) return proof.length === 0 && sameBytes(olderRoot, newer);
  if (older === 0) return proof.length === 0;
  const reached = climbBoth(older, 0, size, proof, olderRoot);
  return reached !== undefined && sameBytes(reached.older, olderRoot) && sameBytes(reached.newer, newer);
};
