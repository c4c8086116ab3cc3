import { type Duration, Token } from "aws-cdk-lib";
import { parseSchedule, scheduleToTag, shortestGapMs } from "../../lib/catalog.ts";

/** When a credential is rotated, and by whom. */
export type ScheduleProps = {
  /** A Duration, `rate(…)` or `cron(…)`: down to every minute. `never` for a kind that is contained and not rotated. */
  readonly schedule: Duration | string;
  /** What a `cron(…)` means by its hours, an IANA name. UTC unless told. */
  readonly timezone?: string;
  /** A rotation starts within so long after its time, or waits for the next. */
  readonly window?: Duration;
  /** Over how long the credentials of one schedule are spread; the rotation clock's only. */
  readonly spread?: Duration;
  /** Secrets Manager where it can keep the schedule, else Rekey's clock. `clock` also heeds the config's freezes. */
  readonly keeper?: "secrets-manager" | "clock";
  /** Rotate when the schedule is made or changed, and not only when it is due. */
  readonly rotateImmediately?: boolean;
};
export type Scheduled = {
  /** For Secrets Manager; absent where the clock keeps it. */
  readonly rules?: { readonly scheduleExpression: string; readonly duration?: string };
  /** For the clock, without their prefix. */
  readonly tags: Readonly<Record<string, string>>;
  readonly warning?: string;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_HOURS = 24;
/** Secrets Manager rotates no faster (its user guide, "Rotation schedules"). */
const LEAST_HOURS = 4;
/** 90 versions a day: of the 100 that it keeps at least a day, ten are left to containments. */
const SUSTAINED_MS = 16 * MINUTE_MS;

const minutesOf = (what: string, length: Duration): number => {
  const minutes = length.toMinutes({ integral: false });
  if (Number.isInteger(minutes) && minutes > 0) return minutes;
  throw new Error(`${what} ${length.toHumanString()} is not a whole number of minutes. Give minutes, hours or days.`);
};

const rated = (count: number, unit: string) => `rate(${count} ${unit}${count === 1 ? "" : "s"})`;

const textOf = (schedule: Duration | string): string => {
  if (typeof schedule === "string") return schedule;
  const minutes = minutesOf("schedule", schedule);
  if (minutes % (60 * DAY_HOURS) === 0) return rated(minutes / 60 / DAY_HOURS, "day");
  return minutes % 60 === 0 ? rated(minutes / 60, "hour") : rated(minutes, "minute");
};

type Asked = ScheduleProps & { readonly text: string; readonly gapMs: number };

/** Why Secrets Manager cannot start at these times. */
const timesRefused = ({ text, gapMs, timezone = "UTC" }: Asked): string | undefined => {
  const [minute, , , , , year] = /^cron\((.*)\)$/.exec(text)?.[1]?.split(" ") ?? ["0", "", "", "", "", "*"];
  if (gapMs < LEAST_HOURS * HOUR_MS) return `it rotates at most every ${LEAST_HOURS} hours`;
  if (minute !== "0" || gapMs % HOUR_MS !== 0) return "its rotations start on the hour";
  if (year !== "*") return "its schedules name no year";
  return timezone === "UTC" ? undefined : "its schedules are in UTC";
};

/** Why it cannot keep to this window (same page: whole hours, not into the next window). */
const windowRefused = ({ window, spread, gapMs }: Asked): string | undefined => {
  if (spread) return "it picks a time within the window itself";
  if (!window) return undefined;
  const hours = minutesOf("window", window) / 60;
  if (!Number.isInteger(hours) || hours > DAY_HOURS) return `its windows are of 1 to ${DAY_HOURS} whole hours`;
  return hours * HOUR_MS > gapMs ? "its windows end before the next begins" : undefined;
};

const inTag = (length: Duration, what: string) => `${minutesOf(what, length)}m`;

const clockTags = ({ text, timezone, window, spread, rotateImmediately = true }: Asked) => ({
  schedule: scheduleToTag(text),
  ...(timezone && { timezone }),
  ...(window && { window: inTag(window, "window") }),
  ...(spread && { spread: inTag(spread, "spread") }),
  ...(rotateImmediately && { start: "now" }),
});

const warned = ({ text, gapMs }: Asked) =>
  gapMs < SUSTAINED_MS
    ? `schedule ${text} is faster than Secrets Manager's versions allow: Rekey defers a rotation until 10 minutes after the last, and to 90 a day, about every 16 minutes.`
    : undefined;

const nativeRules = ({ text, window }: Asked) => ({
  scheduleExpression: text,
  ...(window && { duration: `${window.toHours()}h` }),
});

const NEVER = "never";

/** A kind that is contained only has no schedule, and every other kind has one. Throws which it is. */
export const checkKind = (
  { kind, containedOnly }: { readonly kind: string; readonly containedOnly?: string },
  { schedule }: ScheduleProps,
): void => {
  if (containedOnly && schedule !== NEVER)
    throw new Error(`kind ${kind} is contained and never rotated: ${containedOnly} Give schedule "${NEVER}".`);
  if (!containedOnly && schedule === NEVER)
    throw new Error(`kind ${kind} is rotated: give it a schedule, such as "rate(7 days)".`);
};

/**
 * Who keeps a schedule and how it is told: rotation rules for Secrets Manager where it can, tags for Rekey's clock
 * otherwise. Throws what is wrong with the schedule and what to give instead.
 */
export const scheduled = (props: ScheduleProps): Scheduled => {
  const { schedule, timezone, keeper } = props;
  if (typeof schedule === "string" && Token.isUnresolved(schedule)) {
    return { rules: { scheduleExpression: schedule }, tags: {} };
  }
  if (schedule === NEVER) return { tags: {} };
  const text = textOf(schedule);
  parseSchedule(text, timezone);
  const asked = { ...props, text, gapMs: shortestGapMs(text, timezone) };
  const refused = timesRefused(asked) ?? windowRefused(asked);
  if (keeper === "secrets-manager" && refused) {
    throw new Error(`schedule ${text} cannot be kept by Secrets Manager: ${refused}. Leave out keeper, or change it.`);
  }
  if (!refused && keeper !== "clock") return { rules: nativeRules(asked), tags: {} };
  const warning = warned(asked);
  return { tags: clockTags(asked), ...(warning && { warning }) };
};
