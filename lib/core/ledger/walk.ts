import { bytesToHex } from "@noble/hashes/utils.js";
import { sameBytes } from "./bytes.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { type Edge, EMPTY_EDGE, edgeRoot, grow } from "./edge.ts";
import type { Hash } from "./merkle.ts";
import {
  leavesOf,
  type Mismatch,
  mismatches,
  type Pair,
  type ReadFile,
  type Report,
  readPiece,
  told,
} from "./pieces.ts";
import { joinHashes, TILE, tilePath } from "./tiles.ts";

type Tile = { readonly level: number; readonly index: number; readonly hashes: readonly Hash[] };
/** The log read twice: by its entries, and by its level-0 tiles. The same edge until something was altered. */
export type Walk = { readonly byEntries: Edge; readonly byTiles: Edge };

const grown = (edge: Edge, leaves: readonly Hash[]): { readonly edge: Edge; readonly upper: readonly Tile[] } => {
  const upper: Tile[] = [];
  const after = grow(edge, leaves, (level, index, hashes) => {
    if (level > 0) upper.push({ level, index, hashes });
  });
  return { edge: after, upper };
};

/** Reports a tile above level 0 unless it follows from one of the readings. */
const checkUpper = async (read: ReadFile, report: Report, tiles: readonly Tile[], others: readonly Tile[]) => {
  for (const [i, tile] of tiles.entries()) {
    const width = tile.hashes.length;
    const path = tilePath(tile.level, tile.index, width);
    const found = await readPiece(read, (w) => tilePath(tile.level, tile.index, w), width);
    const meant = [tile, others[i] ?? tile].map(({ hashes }) => joinHashes(hashes));
    if (found === undefined) report({ what: "tile", path, message: `${path}: the file is missing` });
    else if (!meant.some((bytes) => sameBytes(found.subarray(0, bytes.length), bytes)))
      report({ what: "tile", path, message: `${path} was altered: it does not follow from the tiles below it` });
  }
};

const partials = ({ levels, size }: Edge): readonly Tile[] =>
  levels.flatMap((hashes, level) =>
    level === 0 || hashes.length === 0 ? [] : [{ level, index: Math.floor(size / TILE ** (level + 1)), hashes }],
  );

export const START: Walk = { byEntries: EMPTY_EDGE, byTiles: EMPTY_EDGE };

/** Adds one bundle to the walk and tells which entries differ; undefined when neither bundle nor tile can be read. */
export const step = async (
  walk: Walk,
  pair: Pair,
  width: number,
  read: ReadFile,
  report: Report,
): Promise<(Walk & { readonly wrong: readonly Mismatch[] }) | undefined> => {
  const leaves = leavesOf(pair);
  const wrong = mismatches(pair, leaves, walk.byEntries.size);
  const ofEntries = leaves.length === width ? leaves : pair.hashes;
  const ofTiles = pair.hashes ?? ofEntries;
  if (ofEntries === undefined || ofTiles === undefined) return undefined;
  const isOne = walk.byEntries === walk.byTiles && wrong.length === 0;
  const entries = grown(walk.byEntries, ofEntries);
  const tiles = isOne ? entries : grown(walk.byTiles, ofTiles);
  await checkUpper(read, report, entries.upper, tiles.upper);
  return { byEntries: entries.edge, byTiles: tiles.edge, wrong };
};

/** Checks the tiles above level 0 that the walk ends in. */
export const checkEnd = ({ byEntries, byTiles }: Walk, read: ReadFile, report: Report): Promise<void> =>
  checkUpper(read, report, partials(byEntries), partials(byTiles));

/** Judges the walk's end against the signed root, which tells whether entries or tiles were altered. */
export const judge = (walk: Walk, wrong: readonly Mismatch[], { size, root }: Checkpoint, report: Report): void => {
  const isRoot = (edge: Edge) => edge.size === size && sameBytes(edgeRoot(edge), root);
  const tileIsWrong = isRoot(walk.byEntries);
  for (const mismatch of wrong) report(told(mismatch, size, tileIsWrong));
  if (tileIsWrong || (isRoot(walk.byTiles) && wrong.length > 0)) return;
  const found = bytesToHex(edgeRoot(walk.byEntries));
  report({ what: "root", message: `the entries hash to root ${found}, the checkpoint commits to ${bytesToHex(root)}` });
};
