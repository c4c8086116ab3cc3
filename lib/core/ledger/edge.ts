import { EMPTY_ROOT, type Hash, nodeHash, rootOf } from "./merkle.ts";
import { TILE, tileWidth } from "./tiles.ts";

/** The right edge of a log: per level the hashes of the last tile that is not full. All that growing needs. */
export type Edge = { readonly size: number; readonly levels: readonly (readonly Hash[])[] };
/** Called for each tile that became full. */
export type OnFull = (level: number, index: number, hashes: readonly Hash[]) => void;

export const EMPTY_EDGE: Edge = { size: 0, levels: [] };

/** The edge after appending leaves. */
export const grow = (edge: Edge, leaves: readonly Hash[], onFull: OnFull = () => {}): Edge => {
  const levels = edge.levels.map((hashes) => [...hashes]);
  let size = edge.size;
  const push = (level: number, hash: Hash): void => {
    const hashes = levels[level] ?? [];
    hashes.push(hash);
    levels[level] = hashes;
    if (hashes.length < TILE) return;
    onFull(level, size / TILE ** (level + 1) - 1, hashes);
    levels[level] = [];
    push(level + 1, rootOf(hashes));
  };
  for (const leaf of leaves) {
    size += 1;
    push(0, leaf);
  }
  return { size, levels };
};

/** The perfect subtrees of a tile that is not full, largest first. */
const subtrees = (hashes: readonly Hash[]): readonly Hash[] => {
  const roots: Hash[] = [];
  let from = 0;
  for (let size = TILE / 2; size >= 1; size /= 2) {
    if (hashes.length - from < size) continue;
    roots.push(rootOf(hashes, from, from + size));
    from += size;
  }
  return roots;
};

/** Root of the log that has this edge. */
export const edgeRoot = (edge: Edge): Hash => {
  const roots = edge.levels.toReversed().flatMap(subtrees);
  return roots.length === 0 ? EMPTY_ROOT : roots.reduceRight((right, left) => nodeHash(left, right));
};

/** Reads the edge of a log of `size` entries from its tiles; at most one read per level. */
export const loadEdge = async (
  size: number,
  readTile: (level: number, index: number, width: number) => Promise<readonly Hash[]>,
): Promise<Edge> => {
  const levels: (readonly Hash[])[] = [];
  for (let level = 0, rest = size; rest > 0; level += 1, rest = Math.floor(rest / TILE)) {
    const index = Math.floor(rest / TILE);
    const width = tileWidth(size, level, index);
    levels.push(width === 0 ? [] : await readTile(level, index, width));
  }
  return { size, levels };
};
