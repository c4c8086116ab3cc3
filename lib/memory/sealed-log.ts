import { ed25519 } from "@noble/curves/ed25519.js";
import type { LifecycleEvent } from "../core/events.ts";
import { makeBatch, type ReadPiece } from "../core/ledger/batch.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { encodeEntry } from "../core/ledger/entry.ts";
import { formatNote, verifier } from "../core/ledger/note.ts";
import { keyFor, type Shard, shardAt } from "../core/ledger/shard.ts";
import { checkpointOf, type Part, turnParts } from "../core/ledger/turn.ts";
import type { Sealed } from "../core/review/entry.ts";
import type { Instant } from "../core/types.ts";

/** The files of a log of these entries, sealed as far as `seal` was called: for tests and samples, with a key of theirs. */
export const sealedLog = (entries: readonly Sealed[], origin: string, seed: Uint8Array) => {
  const by = verifier(origin, ed25519.getPublicKey(seed));
  const files = new Map<string, Uint8Array>();
  const bytes = entries.map(({ index: _, seq, receivedAt, ...event }) =>
    toBytes(encodeEntry(event as LifecycleEvent, { seq, receivedAt })),
  );
  const readerOf =
    ({ dir }: Shard): ReadPiece =>
    async (path) => {
      const found = files.get(dir + path);
      if (found) return found;
      throw new Error(`law broken: ${dir}${path} was never written`);
    };
  const write = (part: Part) => {
    const { shard, batch } = part;
    for (const piece of batch.pieces) files.set(shard.dir + piece.path, piece.bytes);
    const text = checkpointOf(part);
    const note = formatNote(text, keyFor(by, shard.origin), ed25519.sign(toBytes(text), seed));
    files.set(`${shard.dir}checkpoint`, toBytes(note));
  };
  const shard = shardAt(origin, 0);
  let [size, root] = [0, ""];
  return {
    by,
    files,
    read: async (path: string) => files.get(path),
    async seal(to = entries.length) {
      const batch = await makeBatch(size, bytes.slice(size, to), readerOf(shard));
      write({ shard, batch });
      ({ size, root } = batch);
    },
    /** Closes the year that was sealed and begins another, which holds nothing but that. */
    async turn(year: string, at: Instant) {
      const lock = { size, root, stage: "", checkpoint: "", at, applied: true };
      for (const part of await turnParts(origin, lock, { year, at }, readerOf)) write(part);
    },
  };
};
