import { setTimeout } from "node:timers/promises";
import type { Clock, Instant } from "../core/types.ts";

/** Milliseconds since the epoch as an instant; the only place where one is made from a number. */
export const instantAt = (ms: number): Instant => new Date(ms).toISOString() as Instant;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => instantAt(Date.now()),
  after: (instant, ms) => instantAt(Date.parse(instant) + ms),
  between: (from, to) => Date.parse(to) - Date.parse(from),
  ticks: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, signal ? { signal } : {}),
};
