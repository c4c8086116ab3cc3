import type { Instant } from "../types.ts";
import type { ShardMark } from "./shard.ts";

/** An event by name; ids are unique per stream. */
export type EventName = { readonly stream: string; readonly id: string };
/** A stored event. `body` is the entry's text and never changes: sealing hashes exactly these bytes. */
export type Row = EventName & {
  readonly seq: number;
  readonly receivedAt: Instant;
  readonly body: string;
  /** Id of the event before it in the stream: the way from the newest to older ones without a second index. */
  readonly before?: string;
  /** By whoever appended it, over all of the above (lib/core/ledger/mac.ts); absent in rows of before there were any. */
  readonly mac?: string;
  /** Place in the sealed log. */
  readonly index?: number;
};
/** The last event of a stream. */
export type Head = { readonly seq: number; readonly last: string; readonly receivedAt: Instant };

/** What is stored of some events: their seqs in the order asked for, undefined where one is not; and by stream the heads. */
export type Look = {
  readonly seqs: readonly (number | undefined)[];
  readonly heads: ReadonlyMap<string, Head>;
};

/** Most events that one look and one put take: with a head each, DynamoDB's 100 items of a transaction. */
export const MOST_AT_ONCE = 49;

/** Where events are appended. */
export interface StreamStore {
  /** Strongly consistent. */
  look(names: readonly EventName[], signal: AbortSignal): Promise<Look>;
  /**
   * All or nothing: stores the rows and makes each stream's last its head, if every id is free and each head still is
   * the one before its stream's first row (none for seq 1). Rows of one stream follow each other. `refused` means that
   * nothing was written and a new look is due.
   */
  put(rows: readonly Row[], signal: AbortSignal): Promise<"stored" | "refused">;
}

/** What rows are authenticated with: a key for each day, which only appenders and the sealer can have made. */
export interface AppendKeys {
  /** 32 bytes, for a UTC day as `2026-11-23`. */
  of(day: string, signal: AbortSignal): Promise<Uint8Array>;
}

/** An event's place in the sealed log. */
export type Placed = EventName & { readonly index: number };
/** A stream of which a commit sealed what comes after `from`, up to `to`. */
export type Raised = { readonly stream: string; readonly from: number; readonly to: number };

/** The same events, as the sequencer sees them. Of what it writes any part may be done when it fails: do it again. */
export interface Inbox {
  /** Up to `limit` events that have no place yet, oldest first. May miss fresh ones and still show placed ones. */
  pending(limit: number, signal: AbortSignal): Promise<readonly EventName[]>;
  /** Strongly consistent; what does not exist is left out. */
  read(names: readonly EventName[], signal: AbortSignal): Promise<readonly Row[]>;
  /** Strongly consistent: the last sealed seq of each stream, 0 when none is. */
  sealedSeqs(streams: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** Gives events their places; the same place twice is once. Throws Fork where one is gone or has another place. */
  place(events: readonly Placed[], signal: AbortSignal): Promise<void>;
  /** Raises the last sealed seqs of streams; never lowers one. */
  raise(streams: readonly Raised[], signal: AbortSignal): Promise<void>;
}

/** The one record that says what the log is. Everything else can be derived from it and the archive. */
export type Committed = {
  /** Of all shards together, so that it only ever grows: compare and swap rests on it. */
  readonly size: number;
  /** Of the shard that it is in; hex. */
  readonly root: string;
  /** Absent in the first. */
  readonly shard?: ShardMark;
  /** Where the batch that led here waits; empty at size 0. */
  readonly stage: string;
  /** Which version of it: whoever hides that one behind another hides nothing. Absent where a store has no versions. */
  readonly stageVersion?: string;
  /** The signed note; empty at size 0. */
  readonly checkpoint: string;
  /** The note that closes the shard before, where this commit opened one; else empty or absent. */
  readonly closing?: string;
  readonly at: Instant;
  /** Whether all that the commit implies has been written. */
  readonly applied: boolean;
};
export interface Lock {
  /** Strongly consistent. */
  read(signal: AbortSignal): Promise<Committed | undefined>;
  /** Writes the first record if there is none. */
  create(first: Committed, signal: AbortSignal): Promise<void>;
  /** Compare and swap: true if the record was applied and of size `from`, and is `next` now. */
  commit(next: Committed, from: number, signal: AbortSignal): Promise<boolean>;
  /** Sets `applied` if the record still is of this size; else leaves it. */
  settle(size: number, signal: AbortSignal): Promise<void>;
}

export type Stored = { readonly bytes: Uint8Array; readonly etag: string; readonly version?: string };
/** What was written; its version where the store keeps them. */
export type Created = { readonly version?: string };
/** A bucket. */
export interface ObjectStore {
  /** The newest version, or the one that is named even where a later one or a deletion hides it. */
  get(path: string, signal: AbortSignal, version?: string): Promise<Stored | undefined>;
  /** Writes if nothing is there; undefined otherwise. */
  create(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<Created | undefined>;
  /** Writes over the version with this etag, or over nothing when undefined; false when it has changed. */
  replace(path: string, bytes: Uint8Array, etag: string | undefined, signal: AbortSignal): Promise<boolean>;
}

/** The log's Ed25519 key. */
export interface Signer {
  /** 32 bytes. */
  publicKey(signal: AbortSignal): Promise<Uint8Array>;
  /** 64 bytes, RFC 8032. */
  sign(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}

/** How event files are packed. The same bytes may pack differently on another day; what they unpack to may not. */
export interface Packer {
  pack(bytes: Uint8Array): Promise<Uint8Array>;
  unpack(bytes: Uint8Array): Promise<Uint8Array>;
}

/** The newest checkpoint of a log that a witness cosigned; the root in hex. */
export type Seen = { readonly size: number; readonly root: string };
/** What a witness has seen, by the logs' origins. */
export interface SeenStore {
  /** Strongly consistent. */
  get(origin: string, signal: AbortSignal): Promise<Seen | undefined>;
  /** Compare and swap: true if what was seen still is `from`, and is `to` now. */
  advance(origin: string, from: Seen | undefined, to: Seen, signal: AbortSignal): Promise<boolean>;
}
