import type { Recorded } from "../types.ts";
import { fromBase64, toBase64, toText } from "./bytes.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { decodeEntry } from "./entry.ts";
import { Malformed } from "./errors.ts";
import { HASH_BYTES, type Hash, leafHash } from "./merkle.ts";
import type { Verifier } from "./note.ts";
import type { ReadFile } from "./pieces.ts";
import { inclusionProof, nodesFromTiles, verifyInclusion } from "./proofs.ts";
import { openOfLog } from "./shard.ts";
import { bundlePath, splitEntries, splitHashes, TILE, tilePath, tileWidth } from "./tiles.ts";

/** That one entry is in a log: C2SP tlog-proof, with the entry itself as its extra data. */
export type LogProof = {
  readonly entry: Uint8Array;
  readonly index: number;
  readonly hashes: readonly Hash[];
  /** The signed checkpoint that the hashes lead to. */
  readonly note: string;
};

const HEAD = "c2sp.org/tlog-proof@v1";
/** A tree of 2^53 entries is that high; whatever has more hashes is no proof. */
const MOST_HASHES = 53;

/** The text of a `.tlog-proof` file (github.com/C2SP/C2SP/blob/main/tlog-proof.md). */
export const formatProof = ({ entry, index, hashes, note }: LogProof): string =>
  [HEAD, `extra ${toBase64(entry)}`, `index ${index}`, ...hashes.map(toBase64), "", note].join("\n");

const hashOf = (line: string): Hash => {
  const bytes = fromBase64(line);
  if (bytes?.length === HASH_BYTES) return bytes;
  throw new Malformed("a hash of the proof is not 32 bytes in base64");
};

/** Reads a proof's text. Throws Malformed: what is wrong with it. */
export const parseProof = (text: string): LogProof => {
  const at = text.indexOf("\n\n");
  const [head, extra = "", index = "", ...hashes] = text.slice(0, at).split("\n");
  if (at < 0 || head !== HEAD) throw new Malformed(`not a proof: it does not begin with ${HEAD}`);
  const entry = fromBase64(/^extra (\S+)$/.exec(extra)?.[1] ?? "");
  const place = /^index (0|[1-9]\d{0,15})$/.exec(index)?.[1];
  if (!entry || entry.length === 0 || place === undefined) {
    throw new Malformed("the proof needs its entry as extra data, then its index");
  }
  if (hashes.length > MOST_HASHES) throw new Malformed(`the proof has ${hashes.length} hashes`);
  return { entry, index: Number(place), hashes: hashes.map(hashOf), note: text.slice(at + 2) };
};

const needed = async (read: ReadFile, path: string): Promise<Uint8Array> => {
  const bytes = await read(path);
  if (bytes) return bytes;
  throw new Malformed(`${path} is missing: the log is damaged, or was sealed on just now; try again`);
};

/** A log, or a shard of one, whose checkpoint is believed. */
type Proving = Checkpoint & { readonly read: ReadFile; readonly note: string };

/** Proves entry `index` under a checkpoint, from the log's files. Throws Malformed: what is missing or wrong. */
export const prove = async ({ read, note, size, root }: Proving, index: number): Promise<LogProof> => {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new Malformed(`the log holds entries 0 to ${size - 1}, and no entry ${index}`);
  }
  const bundle = Math.floor(index / TILE);
  const entries = splitEntries(await needed(read, bundlePath(bundle, tileWidth(size, 0, bundle))));
  const entry = entries[index % TILE];
  if (!entry) throw new Malformed(`the bundle of entry ${index} is cut short`);
  const node = nodesFromTiles(size, async (level, tile, width) =>
    splitHashes(await needed(read, tilePath(level, tile, width)), width),
  );
  const hashes = await inclusionProof(index, size, node);
  if (verifyInclusion(leafHash(entry), index, size, hashes, root)) return { entry, index, hashes, note };
  throw new Malformed(`entry ${index} does not lead to the signed root: the log was altered`);
};

/** What a proof shows to whoever trusts the log's key: one event, in its place in its shard. Throws Malformed otherwise. */
export const checkProof = (
  { entry, index, hashes, note }: LogProof,
  by: Verifier,
): { readonly checkpoint: Checkpoint; readonly index: number; readonly event: Recorded; readonly text: string } => {
  const checkpoint = openOfLog(note, by);
  if (!verifyInclusion(leafHash(entry), index, checkpoint.size, hashes, checkpoint.root)) {
    throw new Malformed(`the entry is not number ${index} of the log of ${checkpoint.size} that the checkpoint signs`);
  }
  return { checkpoint, index, event: decodeEntry(entry), text: toText(entry) };
};
