import type { Instant, Recorded } from "../types.ts";

/** An event with its place in the sealed log. */
export type Sealed = Recorded & { readonly index: number };

/** Which log an answer was read from: its first `size` entries, which hash to `root` (hex). */
export type AsOf = {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  /** What "now" means in the answer: the moment asked for, or when the newest of these entries was received. */
  readonly at: Instant;
};

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
