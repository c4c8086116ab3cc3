import { bytesToHex } from "@noble/hashes/utils.js";
import type { Checkpoint } from "./checkpoint.ts";
import { Malformed } from "./errors.ts";
import type { Hash } from "./merkle.ts";
import type { ReadFile } from "./pieces.ts";
import { readPiece } from "./pieces.ts";
import { consistencyProof, nodesFromTiles, verifyConsistency } from "./proofs.ts";
import { splitHashes, tilePath } from "./tiles.ts";

/**
 * How a log stands to an older checkpoint of it: it `extends` it, or is `shortened` (it has fewer entries than were
 * signed before), or `forked` (the same entries have another root: two histories were signed).
 */
export type Standing = "extends" | "shortened" | "forked";

/** The hashes that show a log to extend its first `older` entries, from its tiles. Throws Malformed when one is missing. */
export const proveExtends = (read: ReadFile, older: number, size: number): Promise<readonly Hash[]> =>
  consistencyProof(
    older,
    size,
    nodesFromTiles(size, async (level, index, width) => {
      const path = (w: number) => tilePath(level, index, w);
      const found = await readPiece(read, path, width);
      if (found) return splitHashes(found, width);
      throw new Malformed(`${path(width)} is missing: the log cannot be compared`);
    }),
  );

/** Compares a log with a checkpoint that was kept from before; both were opened with keys that are trusted. */
export const compare = async (
  read: ReadFile,
  older: Checkpoint,
  newer: Checkpoint,
): Promise<{ readonly standing: Standing; readonly message: string }> => {
  const were = `${older.size} entries with root ${bytesToHex(older.root)}`;
  if (older.origin !== newer.origin)
    throw new Malformed(`the old checkpoint is of ${older.origin}, the log is ${newer.origin}`);
  if (older.size > newer.size)
    return { standing: "shortened", message: `the log was shortened: it had ${were} and has ${newer.size} now` };
  const proof = await proveExtends(read, older.size, newer.size);
  if (verifyConsistency(older.size, newer.size, proof, older.root, newer.root))
    return { standing: "extends", message: `the log extends the one of ${older.size} entries` };
  return { standing: "forked", message: `the log was forked: ${were} were signed, and it does not lead there` };
};
