import * as z from "zod/mini";
import type { Instant } from "../../core/types.ts";

/** A detector's time, ISO 8601 with a zone. */
export const Time = z.iso.datetime({ offset: true });

/** The same moment as an Instant: UTC, milliseconds. */
export const instantOf = (time: string): Instant => new Date(time).toISOString() as Instant;

/** From 1973 to 5138 a time in seconds has nine to eleven digits; milliseconds, micro- and nanoseconds have 3 each more. */
const SECONDS = 1e11;

/** In seconds, milli-, micro- or nanoseconds: the unit by which it falls before year 5138. */
const inMs = (time: number): number =>
  [1000, 1, 1e-3, 1e-6].map((factor) => time * factor).find((ms) => ms < SECONDS * 1000) ?? Number.NaN;

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)$/;
/** RFC 1123, as HTTP and AWS Health write it. */
const RFC_1123 = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4})$/;
const NUMBER = /^\d{9,20}(?:\.\d{1,9})?$/;

const msOf = (time: string | number): number => {
  if (typeof time === "number") return inMs(time);
  if (NUMBER.test(time)) return inMs(Number(time));
  // Beyond milliseconds, engines differ.
  if (ISO.test(time)) return Date.parse(time.replace(/(\.\d{3})\d+/, "$1"));
  return RFC_1123.test(time) ? Date.parse(time) : Number.NaN;
};

/** ISO 8601 with a zone, RFC 1123, or a count of (milli-, micro-, nano-) seconds since 1970; undefined when it is none. */
export const momentOf = (time: unknown): Instant | undefined => {
  if (typeof time !== "string" && typeof time !== "number") return undefined;
  const ms = msOf(time);
  // Year 9999 is the last that ISO 8601 writes with four digits.
  return ms > 0 && ms < 253_402_300_800_000 ? (new Date(ms).toISOString() as Instant) : undefined;
};

/** Any of those forms, as an Instant. */
export const Moment = z.pipe(
  z
    .union([z.string(), z.number()])
    .check(z.refine((time) => momentOf(time) !== undefined, "is no time: ISO 8601 with a zone, RFC 1123 or epoch")),
  z.transform((time) => momentOf(time) as Instant),
);

/** The first that is a time. */
export const firstMoment = (...times: readonly unknown[]): Instant | undefined =>
  times.map(momentOf).find((time) => time !== undefined);
