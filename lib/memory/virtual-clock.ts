import { setImmediate } from "node:timers/promises";
import type { Clock, Instant } from "../core/types.ts";

const instant = (ms: number) => new Date(ms).toISOString() as Instant;
type Timer = { readonly at: number; readonly wake: () => void };

const insert = (timers: Timer[], timer: Timer) => {
  let at = timers.length;
  while (at > 0 && (timers[at - 1]?.at ?? 0) > timer.at) at -= 1;
  timers.splice(at, 0, timer);
};

/**
 * A clock for many at once: those who sleep wake in order, and time jumps to the next of them when nobody has anything
 * left to do. `run` drives it until the work is done.
 */
export const virtualClock = (start: string) => {
  const timers: Timer[] = [];
  let nowMs = Date.parse(start);
  const clock: Clock = {
    now: () => instant(nowMs),
    after: (from, ms) => instant(Date.parse(from) + ms),
    between: (from, to) => Date.parse(to) - Date.parse(from),
    ticks: () => nowMs,
    sleep: (ms) => new Promise((wake) => insert(timers, { at: nowMs + ms, wake: () => wake(undefined) })),
  };

  const run = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    work.then(done, done);
    while (true) {
      await setImmediate();
      if (isDone) return work;
      const timer = timers.shift();
      if (!timer) throw new Error("everybody waits, and nobody for the clock");
      nowMs = Math.max(nowMs, timer.at);
      timer.wake();
    }
  };
  return { clock, run };
};
