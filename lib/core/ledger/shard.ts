import { bytesToHex } from "@noble/hashes/utils.js";
import type { LifecycleEvent } from "../events.ts";
import type { Instant, Recorded } from "../types.ts";
import { toBytes } from "./bytes.ts";
import { type Checkpoint, openCheckpoint, parseCheckpoint } from "./checkpoint.ts";
import { decodeEntry, encodeEntry } from "./entry.ts";
import { splitNote, type Verifier, verifier } from "./note.ts";

/**
 * A part of a log, a year long: a C2SP log of its own, with its own origin, in a directory of its own. The first has the
 * log's name and no directory; a later one has its year behind both. What lies in a closed one never changes.
 */
export type Shard = {
  readonly origin: string;
  /** What its paths begin with; empty for the first. */
  readonly dir: string;
  /** Entries in the shards before it: an index counts through all of them. */
  readonly base: number;
};
/** What a commit keeps of its shard; nothing for the first. */
export type ShardMark = { readonly year: string; readonly base: number };

const YEAR = /\/(\d{4})$/;
const ACTOR = { kind: "service", principal: "rekey-seal" } as const;

/** The name of the log that a shard is of. */
export const logOf = (origin: string): string => origin.replace(YEAR, "");

export const yearOf = (at: Instant): string => at.slice(0, 4);

const dirOf = (origin: string): string => {
  const year = YEAR.exec(origin)?.[1];
  return year === undefined ? "" : `shard/${year}/`;
};

export const shardAt = (origin: string, base: number): Shard => ({ origin, dir: dirOf(origin), base });

/** The shard of a log that a commit is in. */
export const shardOf = (log: string, mark: ShardMark | undefined): Shard =>
  mark === undefined ? shardAt(log, 0) : shardAt(`${log}/${mark.year}`, mark.base);

/** A log's key under the name of any of its shards; of another log it stays what it is. */
export const keyFor = (by: Verifier, origin: string): Verifier =>
  by.name !== origin && logOf(by.name) === logOf(origin) ? verifier(origin, by.key) : by;

/** The checkpoint in a note of any shard of the log whose key this is. Throws Malformed. */
export const openOfLog = (note: string, by: Verifier): Checkpoint =>
  openCheckpoint(note, keyFor(by, parseCheckpoint(splitNote(note).text).origin));

// Both are the sealer's own words, and no appender's: they are in the log alone, in a stream named as their shard.
const entry = (event: LifecycleEvent, seq: number, receivedAt: Instant): Uint8Array =>
  toBytes(encodeEntry(event, { seq, receivedAt }));

/** The last entry of a shard: where the log goes on. */
export const closingEntry = ({ origin, base }: Shard, next: string, at: Instant): Uint8Array =>
  entry(
    { id: "closed", stream: origin, type: "ledger.shard.closed", at, actor: ACTOR, data: { next } },
    base === 0 ? 1 : 2,
    at,
  );

/** The first entry of a later shard: what the shard before it ended as. */
export const openingEntry = (shard: Shard, { origin, size, root }: Checkpoint, at: Instant): Uint8Array =>
  entry(
    {
      id: "opened",
      stream: shard.origin,
      type: "ledger.shard.opened",
      at,
      actor: ACTOR,
      data: { previous: { origin, size, root: bytesToHex(root) }, before: shard.base },
    },
    1,
    at,
  );

/** Whether an event is the sealer's about its shard, which was never appended. */
export const isOfShard = ({ stream, type }: Pick<Recorded, "stream" | "type">, { origin }: Shard): boolean =>
  stream === origin && type.startsWith("ledger.shard.");

/** The origin that an entry of a shard names as the next; undefined where it is not its last. */
export const nextIn = (bytes: Uint8Array, shard: Shard): string | undefined => {
  const event = decodeEntry(bytes);
  return isOfShard(event, shard) && event.type === "ledger.shard.closed" ? event.data.next : undefined;
};

/** What an entry says of the shard before its own; undefined where it says nothing. */
export const previousIn = (bytes: Uint8Array, shard: Shard) => {
  const event = decodeEntry(bytes);
  return isOfShard(event, shard) && event.type === "ledger.shard.opened" ? event.data : undefined;
};
