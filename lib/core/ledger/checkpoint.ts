import { fromBase64, toBase64 } from "./bytes.ts";
import { Malformed } from "./errors.ts";
import { HASH_BYTES, type Hash } from "./merkle.ts";
import { openNote, type Verifier } from "./note.ts";

/** What a log commits to (C2SP tlog-checkpoint). */
export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Hash };

/** The text that is signed. */
export const formatCheckpoint = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${toBase64(root)}\n`;

/** Reads a checkpoint's text; extension lines are passed over. */
export const parseCheckpoint = (text: string): Checkpoint => {
  const [origin = "", digits = "", encoded = ""] = text.split("\n");
  const size = /^(0|[1-9]\d*)$/.test(digits) ? Number(digits) : Number.NaN;
  const root = fromBase64(encoded);
  if (origin === "" || !Number.isSafeInteger(size) || root?.length !== HASH_BYTES)
    throw new Malformed("not a checkpoint: it needs an origin, a size and a root, a line each");
  return { origin, size, root };
};

/** The checkpoint in a note, provided that this key signed it and it names the log whose key it is. */
export const openCheckpoint = (note: string, by: Verifier): Checkpoint => {
  const checkpoint = parseCheckpoint(openNote(note, by));
  if (checkpoint.origin !== by.name)
    throw new Malformed(`the checkpoint is of ${checkpoint.origin}, the key of ${by.name}`);
  return checkpoint;
};
