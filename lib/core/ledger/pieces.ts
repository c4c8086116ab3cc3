import { sameBytes } from "./bytes.ts";
import { decodeEntry } from "./entry.ts";
import { Malformed } from "./errors.ts";
import { type Hash, leafHash } from "./merkle.ts";
import type { EventName } from "./ports.ts";
import { bundlePath, splitEntries, splitHashes, TILE, tilePath } from "./tiles.ts";

/** Reads one file of a log by its path; undefined when there is none. */
export type ReadFile = (path: string) => Promise<Uint8Array | undefined>;
export type Finding = {
  readonly what: "checkpoint" | "entry" | "bundle" | "tile" | "root" | "stream";
  readonly message: string;
  readonly path?: string;
  readonly index?: number;
  readonly stream?: string;
  readonly id?: string;
};
export type Report = (finding: Finding) => void;

/** A piece of `width`; a full one may stand for a partial one (C2SP tlog-tiles lets logs drop those). */
export const readPiece = async (
  read: ReadFile,
  pathAt: (width: number) => string,
  width: number,
): Promise<Uint8Array | undefined> =>
  (await read(pathAt(width))) ?? (width < TILE ? await read(pathAt(TILE)) : undefined);

/** A bundle and the tile over it, as far as they can be read. */
export type Pair = { readonly entries?: readonly Uint8Array[]; readonly hashes?: readonly Hash[] };

const parsed = <T>(
  what: "bundle" | "tile",
  path: string,
  bytes: Uint8Array | undefined,
  report: Report,
  parse: (bytes: Uint8Array) => T,
): T | undefined => {
  try {
    if (bytes === undefined) throw new Malformed("the file is missing");
    return parse(bytes);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    report({ what, path, message: `${path}: ${error.message}` });
    return undefined;
  }
};

/** Reads bundle `index` and its tile, reporting what is missing, cut short or of another length. */
export const readPair = async (read: ReadFile, index: number, width: number, report: Report): Promise<Pair> => {
  const bundle = await readPiece(read, (w) => bundlePath(index, w), width);
  const tile = await readPiece(read, (w) => tilePath(0, index, w), width);
  const path = bundlePath(index, width);
  const all = parsed("bundle", path, bundle, report, splitEntries);
  const hashes = parsed("tile", tilePath(0, index, width), tile, report, (bytes) => splitHashes(bytes, width));
  if (all && all.length !== width && all.length !== TILE)
    report({ what: "bundle", path, message: `${path} holds ${all.length} entries, the checkpoint says ${width}` });
  return { ...(all && { entries: all.slice(0, width) }), ...(hashes && { hashes }) };
};

/** An entry that its tile does not know. */
export type Mismatch = { readonly index: number; readonly entry: Uint8Array };

/** The entries of a pair that differ from their tile, given their hashes. */
export const mismatches = (pair: Pair, leaves: readonly Hash[], first: number): readonly Mismatch[] => {
  const { entries = [], hashes = [] } = pair;
  const wrong = entries.flatMap((entry, i) => {
    const [leaf, hash] = [leaves[i], hashes[i]];
    return leaf && hash && !sameBytes(leaf, hash) ? [{ index: first + i, entry }] : [];
  });
  // One entry too few or too many moves all behind it: the first difference tells.
  return entries.length === hashes.length ? wrong : wrong.slice(0, 1);
};

/** The hashes of a pair's entries. */
export const leavesOf = ({ entries = [] }: Pair): readonly Hash[] => entries.map(leafHash);

/** What an entry calls itself, even if it is no longer JSON. */
const nameOf = (entry: Uint8Array): Partial<EventName> => {
  try {
    return decodeEntry(entry);
  } catch {
    const text = new TextDecoder().decode(entry);
    const id = /"id":"([^"]*)"/.exec(text)?.[1];
    const stream = /"subject":"([^"]*)"/.exec(text)?.[1];
    return { ...(id !== undefined && { id }), ...(stream !== undefined && { stream }) };
  }
};

/** Says of a mismatch what was altered: the entry, or the tile over it. */
export const told = ({ index, entry }: Mismatch, size: number, tileIsWrong: boolean): Finding => {
  const tile = Math.floor(index / TILE);
  const width = Math.min(TILE, size - tile * TILE);
  const path = tileIsWrong ? tilePath(0, tile, width) : bundlePath(tile, width);
  if (tileIsWrong) return { what: "tile", index, path, message: `${path}: the hash of entry ${index} was altered` };
  const { id, stream } = nameOf(entry);
  const named = `event ${id ?? "(unreadable)"} of ${stream ?? "(unreadable)"}`;
  return {
    what: "entry",
    index,
    path,
    ...(id === undefined ? {} : { id }),
    ...(stream === undefined ? {} : { stream }),
    message: `entry ${index} was altered: ${named}; its bytes do not hash to what the log committed to`,
  };
};
