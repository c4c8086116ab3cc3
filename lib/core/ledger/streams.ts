import { sha256 } from "@noble/hashes/sha2.js";
import { toBytes } from "./bytes.ts";
import { decodeEntry } from "./entry.ts";
import { Malformed } from "./errors.ts";
import { type Pair, type ReadFile, type Report, readPair } from "./pieces.ts";
import type { EventName } from "./ports.ts";
import type { OpenShard } from "./shards.ts";
import { tileWidth } from "./tiles.ts";

/** A seq that does not follow the one before it in its stream. */
type Gap = EventName & { readonly index: number; readonly expected: number; readonly found: number };

const fingerprint = ({ stream, id }: EventName): bigint => {
  const hash = sha256(toBytes(JSON.stringify([stream, id])));
  return new DataView(hash.buffer, hash.byteOffset).getBigUint64(0);
};

/**
 * Checks that each stream counts 1, 2, 3… (in a later year by itself: from wherever it begins) and that no event
 * comes twice. Holds a number per stream and 8 bytes per
 * entry: names themselves would not fit for a log of many millions.
 */
export const bookkeeper = (size: number, isLater = false) => {
  const last = new Map<string, number>();
  const prints = new BigUint64Array(size);
  let count = 0;
  return {
    /** The gap before this event, if there is one. */
    enter(name: EventName, seq: number, index: number): Gap | undefined {
      prints[count++] = fingerprint(name);
      const expected = (last.get(name.stream) ?? (isLater ? seq - 1 : 0)) + 1;
      last.set(name.stream, seq);
      return seq === expected ? undefined : { stream: name.stream, id: name.id, index, expected, found: seq };
    },
    streams: (): number => last.size,
    /** Tells an event that may have come twice: only its name can say so for sure. Undefined when there is none. */
    suspects(): ((name: EventName) => boolean) | undefined {
      const sorted = prints.subarray(0, count).sort();
      const twice = new Set(sorted.filter((print, i) => i > 0 && print === sorted[i - 1]));
      return twice.size === 0 ? undefined : (name) => twice.has(fingerprint(name));
    },
  };
};
export type Book = ReturnType<typeof bookkeeper>;

/** Enters a bundle's events, reporting gaps and what is no event. */
export const enter = (book: Book, { entries = [] }: Pair, first: number, report: Report): void => {
  for (const [i, entry] of entries.entries()) {
    try {
      const event = decodeEntry(entry);
      const gap = book.enter(event, event.seq, first + i);
      if (gap === undefined) continue;
      const { stream, id, index, expected, found } = gap;
      const message = `entry ${index} (event ${id}) is number ${found} of ${stream}, number ${expected} is due`;
      report({ what: "stream", stream, id, index, message });
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      report({ what: "entry", index: first + i, message: `entry ${first + i}: ${error.message}` });
    }
  }
};

const entriesOf = async function* ({ size, read }: { readonly size: number; readonly read: ReadFile }) {
  for (let index = 0; tileWidth(size, 0, index) > 0; index += 1)
    yield* (await readPair(read, index, tileWidth(size, 0, index), () => {})).entries ?? [];
};

/** Reads the whole log again for events that came twice; only when fingerprints say that there may be some. */
export const findDoubles = async (book: Book, shards: readonly OpenShard[], report: Report) => {
  const isSuspect = book.suspects();
  if (isSuspect === undefined) return;
  const seen = new Map<string, number>();
  for (const shard of shards) {
    let place = shard.base - 1;
    for await (const entry of entriesOf(shard)) {
      place += 1;
      const { stream, id } = decodeEntry(entry);
      if (!isSuspect({ stream, id })) continue;
      const key = JSON.stringify([stream, id]);
      const message = `event ${id} of ${stream} is in the log twice, at ${seen.get(key)} and ${place}`;
      if (seen.has(key)) report({ what: "stream", stream, id, index: place, message });
      seen.set(key, place);
    }
  }
};
