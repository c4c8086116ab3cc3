import { type Duration, Token } from "aws-cdk-lib";

/** Secrets Manager rotates no faster (its quotas, "rotation at most every 4 hours") and no slower than this. */
const LEAST_HOURS = 4;
const MOST_DAYS = 999;

const FORMS = 'a Duration, "rate(12 hours)", "rate(7 days)" or "cron(0 3 ? * MON *)"';
const RATE = /^rate\((\d+) (hour|hours|day|days)\)$/;
const CRON = /^cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)$/;

const tooFast = (asked: string) =>
  new Error(
    `schedule ${asked} is faster than Secrets Manager rotates: at most every ${LEAST_HOURS} hours. Ask for "rate(${LEAST_HOURS} hours)" or slower.`,
  );
const unreadable = (asked: string, why: string) =>
  new Error(`schedule ${asked} cannot be read: ${why}. Give ${FORMS}; times are in UTC.`);

const rate = (asked: string, hours: number): string => {
  if (hours < LEAST_HOURS) throw tooFast(asked);
  if (hours > MOST_DAYS * 24) throw unreadable(asked, `Secrets Manager rotates at least every ${MOST_DAYS} days`);
  return hours % 24 === 0 ? `rate(${hours / 24} day${hours === 24 ? "" : "s"})` : `rate(${hours} hours)`;
};

/** One part of a cron field: `*`, `3`, `3-9`, `/4`, and each but the last with a step behind. */
const PART = /^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)?(?:\/(\d{1,2}))?$/;

/** The hours that one part of a cron field names. */
const hoursOf = (asked: string, part: string): readonly number[] => {
  const [whole, , from, to, step] = PART.exec(part) ?? [];
  const first = Number(from ?? 0);
  const last = Number(to ?? (from === undefined || step !== undefined ? 23 : first));
  const by = Number(step ?? 1);
  if (!whole || first > last || last > 23 || by === 0) throw unreadable(asked, `its hours are ${part}`);
  return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, i) => first + i * by);
};

const cron = (asked: string, [minutes = "", hours = "", dayOfMonth, , dayOfWeek, year]: readonly string[]): string => {
  if (minutes !== "0") throw unreadable(asked, "its minutes must be 0: rotation starts on the hour");
  if (year !== "*") throw unreadable(asked, "its year must be *");
  if ((dayOfMonth === "?") === (dayOfWeek === "?"))
    throw unreadable(asked, "exactly one of its two day fields must be ?");
  const named = [...new Set(hours.split(",").flatMap((part) => hoursOf(asked, part)))].sort((a, b) => a - b);
  const gaps = named.map((hour, i) => (named[i + 1] ?? (named[0] ?? 0) + 24) - hour);
  if (gaps.some((gap) => gap < LEAST_HOURS)) throw tooFast(asked);
  return asked;
};

const ofDuration = (schedule: Duration): string => {
  const asked = schedule.toHumanString();
  const minutes = schedule.toMinutes({ integral: false });
  if (minutes < LEAST_HOURS * 60) throw tooFast(asked);
  if (minutes % 60 !== 0) throw unreadable(asked, "it is not a whole number of hours");
  return rate(asked, minutes / 60);
};

const ofText = (schedule: string): string => {
  const [, count, unit = ""] = RATE.exec(schedule) ?? [];
  if (count) return rate(schedule, Number(count) * (unit.startsWith("day") ? 24 : 1));
  const [isCron, ...fields] = CRON.exec(schedule) ?? [];
  if (isCron) return cron(schedule, fields);
  if (/^rate\(\d+ minutes?\)$/.test(schedule)) throw tooFast(schedule);
  throw unreadable(schedule, "it is neither rate(…) nor cron(…)");
};

/** Secrets Manager's own schedule expression. Throws what is wrong with the schedule and what to give instead. */
export const scheduleExpression = (schedule: Duration | string): string => {
  if (typeof schedule !== "string") return ofDuration(schedule);
  return Token.isUnresolved(schedule) ? schedule : ofText(schedule);
};
