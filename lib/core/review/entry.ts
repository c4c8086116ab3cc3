import type { Instant, Recorded } from "../types.ts";

/** An event with its place in the sealed log. */
export type Sealed = Recorded & { readonly index: number };

/** Which log an answer was read from: the first `size` entries of a shard, which hash to `root` (hex), and all before it. */
export type AsOf = {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  /** Entries of earlier shards; absent where there is none. */
  readonly before?: number;
  /** What "now" means in the answer: the moment asked for, or when the newest of these entries was received. */
  readonly at: Instant;
};

/** How many of the log's first entries that is. */
export const reachOf = ({ size, before = 0 }: Pick<AsOf, "size" | "before">): number => before + size;

/** Those of a log's entries that an answer rests on. */
export const seenBy = (entries: readonly Sealed[], asOf: Pick<AsOf, "size" | "before">): readonly Sealed[] =>
  entries.length > reachOf(asOf) ? entries.slice(0, reachOf(asOf)) : entries;

/** Which entries those are, for people. */
export const reachLine = ({ size, origin, before = 0 }: Pick<AsOf, "size" | "before" | "origin">): string =>
  `the first ${size} entries of ${origin}${before > 0 ? `, and the ${before} before them` : ""}`;

/** A clock's reading of time, given to what has none: when it is, and milliseconds since 1970 of any instant. */
export type Moment = { readonly at: Instant; readonly ms: (at: string) => number };

/**
 * How many of the log's first entries the ledger had taken by a moment: up to the first that it took later. It holds
 * whatever was sealed by then (sealing comes after receiving), and anybody can count it again from the entries alone.
 */
export const sizeAt = (entries: readonly Sealed[], { at, ms }: Moment): number => {
  const limit = ms(at);
  const later = entries.findIndex(({ receivedAt }) => ms(receivedAt) > limit);
  return later < 0 ? entries.length : later;
};
