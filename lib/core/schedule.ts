import { Cron } from "croner";
import { Misconfigured } from "./errors.ts";
import type { Clock, Instant } from "./types.ts";

/** Arithmetic on instants: what core needs of a clock without reading one. */
export type Times = Pick<Clock, "after" | "between">;
/** When something recurs: at a fixed rate counted from the epoch, or as a cron line says in a time zone. */
export type Schedule = { readonly rateMs: number } | { readonly cron: Cron };

const FORMS = '"rate(5 minutes)", "rate(12 hours)", "rate(7 days)" or "cron(0 3 ? * MON *)"';
const RATE = /^rate\((\d+) (minute|hour|day)s?\)$/;
const CRON = /^cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)$/;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
const UNIT_MS: Readonly<Record<string, number>> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };
const MOST_DAYS = 999;
const EPOCH = "1970-01-01T00:00:00.000Z" as Instant;
/** A day from which gaps are looked for: any would do, this one makes the answer the same every day. */
const ANY_DAY = "2027-01-01T00:00:00.000Z";
/** Shows the shortest gap of any line: several days of one that runs hourly, years of one that runs each month. */
const LOOKED_AT = 100;
/** What was read before, of few different schedules in any estate: a cron line takes over 1 ms to read and to look at. */
const READ_BEFORE = 1_000;

const wrong = (asked: string, why: string) =>
  new Misconfigured(`schedule ${asked} cannot be read: ${why}. Give ${FORMS}.`);

const rate = (asked: string, count: number, unit: string): Schedule => {
  const rateMs = count * (UNIT_MS[unit] ?? Number.NaN);
  if (rateMs > 0 && rateMs <= MOST_DAYS * DAY_MS) return { rateMs };
  throw wrong(asked, `its rate must be from 1 minute to ${MOST_DAYS} days`);
};

const cron = (asked: string, fields: readonly string[], timezone: string): Schedule => {
  const [, , dayOfMonth, , dayOfWeek] = fields;
  if ((dayOfMonth === "?") === (dayOfWeek === "?")) throw wrong(asked, "exactly one of its two day fields must be ?");
  try {
    // AWS counts Sunday as 1 and takes `/4` and `1/8` (EventBridge and Secrets Manager user guides, cron expressions).
    const options = { timezone, alternativeWeekdays: true, sloppyRanges: true, paused: true };
    const made = new Cron(`0 ${fields.join(" ")}`, options);
    if (made.nextRun(ANY_DAY)) return { cron: made };
  } catch (error) {
    throw wrong(asked, error instanceof Error ? error.message.slice(0, 200) : "it is no cron expression");
  }
  throw wrong(asked, "it never falls due again");
};

const remembered = <T>(work: (asked: string, timezone: string) => T) => {
  const known = new Map<string, T>();
  return (asked: string, timezone = "UTC"): T => {
    const key = `${timezone} ${asked}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= READ_BEFORE) known.clear();
    const fresh = work(asked, timezone);
    known.set(key, fresh);
    return fresh;
  };
};

/** Reads `rate(…)` or `cron(…)`, as AWS writes them. Throws Misconfigured: what is wrong with it and what to give. */
export const parseSchedule = remembered((asked, timezone): Schedule => {
  const [isRate, count, unit = ""] = RATE.exec(asked) ?? [];
  if (isRate && timezone !== "UTC") throw wrong(asked, "a rate has no time zone");
  if (isRate) return rate(asked, Number(count), unit);
  const [isCron, ...fields] = CRON.exec(asked) ?? [];
  if (isCron) return cron(asked, fields, timezone);
  throw wrong(asked, "it is neither rate(…) nor cron(…)");
});

/** The first time after an instant. A cron line that has ended answers nothing. */
export const nextAfter = (schedule: Schedule, after: Instant, times: Times): Instant | undefined => {
  if ("cron" in schedule) return schedule.cron.nextRun(after)?.toISOString() as Instant | undefined;
  const passed = Math.floor(times.between(EPOCH, after) / schedule.rateMs);
  return times.after(EPOCH, (passed + 1) * schedule.rateMs);
};

/** The shortest time between two occurrences, in ms; infinite for what occurs once. Throws as parseSchedule does. */
export const shortestGapMs = remembered((asked, timezone): number => {
  const schedule = parseSchedule(asked, timezone);
  if ("rateMs" in schedule) return schedule.rateMs;
  const runs = schedule.cron.nextRuns(LOOKED_AT, ANY_DAY).map((run) => run.getTime());
  return runs.reduce((least, run, i) => Math.min(least, run - (runs[i - 1] ?? Number.NEGATIVE_INFINITY)), Infinity);
});
