import { ed25519 } from "@noble/curves/ed25519.js";
import { hexToBytes } from "@noble/hashes/utils.js";
import type { LifecycleEvent } from "../core/events.ts";
import { makeBatch } from "../core/ledger/batch.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { formatCheckpoint } from "../core/ledger/checkpoint.ts";
import { encodeEntry } from "../core/ledger/entry.ts";
import { formatNote, verifier } from "../core/ledger/note.ts";
import type { Sealed } from "../core/review/entry.ts";

/** The files of a log of these entries, sealed as far as `seal` was called: for tests and samples, with a key of theirs. */
export const sealedLog = (entries: readonly Sealed[], origin: string, seed: Uint8Array) => {
  const by = verifier(origin, ed25519.getPublicKey(seed));
  const files = new Map<string, Uint8Array>();
  const bytes = entries.map(({ index: _, seq, receivedAt, ...event }) =>
    toBytes(encodeEntry(event as LifecycleEvent, { seq, receivedAt })),
  );
  let size = 0;
  return {
    by,
    files,
    read: async (path: string) => files.get(path),
    async seal(to = entries.length) {
      const batch = await makeBatch(size, bytes.slice(size, to), async (path) => {
        const found = files.get(path);
        if (found) return found;
        throw new Error(`law broken: ${path} was never written`);
      });
      for (const piece of batch.pieces) files.set(piece.path, piece.bytes);
      const text = formatCheckpoint({ origin, size: batch.size, root: hexToBytes(batch.root) });
      files.set("checkpoint", toBytes(formatNote(text, by, ed25519.sign(toBytes(text), seed))));
      size = batch.size;
    },
  };
};
