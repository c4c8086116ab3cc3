import { setTimeout as wait } from "node:timers/promises";
import type { Clock, Instant } from "../../lib/core/types.ts";

/** The machine's own clock. */
export const realClock: Clock = {
  now: () => new Date().toISOString() as Instant,
  after: (instant, ms) => new Date(Date.parse(instant) + ms).toISOString() as Instant,
  between: (from, to) => Date.parse(to) - Date.parse(from),
  ticks: () => performance.now(),
  sleep: async (ms, signal) => {
    await wait(ms, undefined, signal ? { signal } : {}).catch((error) => {
      throw signal?.reason ?? error;
    });
  },
};

/** Real time, but sleeps longer than `atMostMs` are skipped and noted. */
export const hastyClock = (atMostMs = 50): Clock & { readonly skipped: readonly number[] } => {
  const skipped: number[] = [];
  return {
    ...realClock,
    skipped,
    sleep: async (ms, signal) => {
      if (ms <= atMostMs) return realClock.sleep(ms, signal);
      signal?.throwIfAborted();
      skipped.push(ms);
    },
  };
};
