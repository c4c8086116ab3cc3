import type { Clock, Instant } from "../core/types.ts";

const instant = (ms: number) => new Date(ms).toISOString() as Instant;

/** A clock that moves only when something sleeps or a test says so. */
export const memoryClock = (start: string): Clock & { readonly advance: (ms: number) => void } => {
  let nowMs = Date.parse(start);
  return {
    now: () => instant(nowMs),
    after: (from, ms) => instant(Date.parse(from) + ms),
    between: (from, to) => Date.parse(to) - Date.parse(from),
    ticks: () => nowMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      nowMs += ms;
    },
    advance: (ms) => {
      nowMs += ms;
    },
  };
};
