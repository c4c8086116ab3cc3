import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { Misconfigured } from "./errors.ts";
import { DAY_MS, nextAfter, parseSchedule, shortestGapMs, type Times } from "./schedule.ts";
import type { CredentialId, Instant, VersionId } from "./types.ts";

/** Who starts the rotations of a credential. */
export type Keeper = "clock" | "secrets-manager";

/** What a credential's tags or its rotation rules say of time. */
export type Timing = {
  readonly keeper: Keeper;
  /** `rate(…)` or `cron(…)`. */
  readonly schedule: string;
  /** IANA name; absent: UTC. */
  readonly timezone?: string;
  /** A rotation starts within so many ms of its scheduled time or waits for the next. Absent: it may start late. */
  readonly windowMs?: number;
  /** Over how many ms after the scheduled time the credentials of one schedule are spread. Absent: as `spreadOf` says. */
  readonly spreadMs?: number;
  /** Due as soon as it is known, and not only at the first scheduled time. */
  readonly startsNow?: boolean;
};
/** One turn: not before `at` and, where there is a window, not after `closesAt`. */
export type Slot = { readonly at: Instant; readonly closesAt?: Instant };

export const HOUR_MS = 3_600_000;
const LONGEST_SPREAD_MS = 15 * 60_000;
const WINDOW_SHARE = 0.75;
const LENGTH = /^(\d+)(m|h)$/;

const lengthMs = (tag: string, text: string): number => {
  const [, count, unit] = LENGTH.exec(text) ?? [];
  const ms = Number(count) * (unit === "h" ? HOUR_MS : 60_000);
  if (ms > 0) return ms;
  throw new Misconfigured(`tag rekey:${tag} is ${text}, which is no length of time. Give minutes or hours: 90m, 3h.`);
};

/** A tag takes no brackets, `*`, `?`, `,` and `#` (Secrets Manager, tagging): what stands for them. */
const IN_TAG: Readonly<Record<string, string>> = { "*": "@", "?": "_", ",": ".", "#": "=" };
const FROM_TAG = Object.fromEntries(Object.entries(IN_TAG).map(([char, stands]) => [stands, char]));
const exchanged = (text: string, by: Readonly<Record<string, string>>) =>
  [...text].map((char) => by[char] ?? char).join("");

/** `rate(5 minutes)` as a tag can hold it: `rate 5 minutes`; `cron(0 3 ? * MON,TUE *)` as `cron 0 3 _ @ MON.TUE @`. */
export const scheduleToTag = (schedule: string): string =>
  exchanged(schedule.replace("(", " ").replace(")", ""), IN_TAG);

/** The other way round; what is in AWS's form already stays. */
export const scheduleFromTag = (tag: string): string => {
  if (tag.includes("(")) return tag;
  const [word = "", ...fields] = tag.trim().split(/ +/);
  const text = word === "cron" ? exchanged(fields.join(" "), FROM_TAG) : fields.join(" ");
  return `${word}(${text})`;
};

/** What the clock is to keep, from tags without their prefix; undefined where no tag asks it. Throws Misconfigured. */
export const timingOf = (tags: Readonly<Record<string, string>>): Timing | undefined => {
  const { schedule: tag, timezone, window, spread, start } = tags;
  if (!tag) return undefined;
  const schedule = scheduleFromTag(tag);
  parseSchedule(schedule, timezone);
  return {
    keeper: "clock",
    schedule,
    ...(timezone && { timezone }),
    ...(window && { windowMs: lengthMs("window", window) }),
    ...(spread && { spreadMs: lengthMs("spread", spread) }),
    ...(start === "now" && { startsNow: true }),
  };
};

const digest = (text: string) => bytesToHex(sha256(utf8ToBytes(text)));
/** A number from 0 to below 1 that a text always gets: 48 bits of its hash. */
const share = (text: string) => Number.parseInt(digest(text).slice(0, 12), 16) / 2 ** 48;

/**
 * Over which time the credentials of one schedule are spread, in ms: as told; else three quarters of the window, so that
 * the last still has room; else a whole period of a rate, and 15 minutes of a cron line; never longer than its shortest gap.
 */
const spreadOf = (timing: Timing, gapMs: number): number => {
  const { spreadMs, windowMs, schedule } = timing;
  const usual = schedule.startsWith("rate") ? gapMs : LONGEST_SPREAD_MS;
  return Math.min(spreadMs ?? (windowMs === undefined ? usual : windowMs * WINDOW_SHARE), windowMs ?? gapMs, gapMs);
};

/** The first turn after an instant. The same credential always comes equally long after the scheduled time. */
export const slotAfter = (timing: Timing, id: CredentialId, after: Instant, times: Times): Slot | undefined => {
  const schedule = parseSchedule(timing.schedule, timing.timezone);
  const offsetMs = Math.floor(share(id) * spreadOf(timing, shortestGapMs(timing.schedule, timing.timezone)));
  const scheduled = nextAfter(schedule, times.after(after, -offsetMs), times);
  if (!scheduled) return undefined;
  const { windowMs } = timing;
  const closing = windowMs === undefined ? {} : { closesAt: times.after(scheduled, windowMs) };
  return { at: times.after(scheduled, offsetMs), ...closing };
};

/**
 * The next rotation that Secrets Manager owes, and when it is late for certain: after its window of at most a UTC day (or
 * the schedule's own gap), and an hour (its user guide, "Rotation schedules").
 */
export const owedAfter = (timing: Timing, rotatedAt: Instant, times: Times) => {
  const schedule = parseSchedule(timing.schedule);
  const gapMs = shortestGapMs(timing.schedule);
  const owed = "rateMs" in schedule ? times.after(rotatedAt, gapMs) : nextAfter(schedule, rotatedAt, times);
  return owed && { owed, lateAt: times.after(owed, Math.min(gapMs, DAY_MS) + HOUR_MS) };
};

/** The version that a turn's attempt makes, the same in every retry of it: 64 characters, as many as a token may have. */
export const scheduledVersion = (id: CredentialId, owed: Instant, attempt: number): VersionId =>
  digest(`clock ${id} ${owed} ${attempt}`) as VersionId;
