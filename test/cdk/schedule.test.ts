import { Duration } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { type ScheduleProps, scheduled } from "../../cdk/constructs/schedule.ts";

test.each([
  [Duration.days(7), "rate(7 days)"],
  [Duration.hours(24), "rate(1 day)"],
  [Duration.hours(4), "rate(4 hours)"],
  ["rate(1 day)", "rate(1 day)"],
  ["rate(36 hours)", "rate(36 hours)"],
  ["cron(0 3 ? * MON *)", "cron(0 3 ? * MON *)"],
  ["cron(0 8,16 * * ? *)", "cron(0 8,16 * * ? *)"],
  ["cron(0 /6 1 * ? *)", "cron(0 /6 1 * ? *)"],
  ["cron(0 1/8 1 * ? *)", "cron(0 1/8 1 * ? *)"],
])("schedule %s is kept by Secrets Manager as %s", (schedule, scheduleExpression) => {
  expect(scheduled({ schedule })).toEqual({ rules: { scheduleExpression }, tags: {} });
  expect(scheduled({ schedule, keeper: "clock" }).rules).toBeUndefined();
});

test("a window of whole hours is Secrets Manager's own", () => {
  const rules = { scheduleExpression: "cron(0 3 ? * MON *)", duration: "3h" };
  expect(scheduled({ schedule: "cron(0 3 ? * MON *)", window: Duration.hours(3) })).toEqual({ rules, tags: {} });
});

test.each<[string, ScheduleProps, string, Record<string, string>]>([
  ["faster", { schedule: "rate(3 hours)" }, "at most every 4 hours", { schedule: "rate 3 hours" }],
  ["each minute", { schedule: Duration.minutes(1) }, "at most every 4 hours", { schedule: "rate 1 minute" }],
  ["hourly", { schedule: "cron(0 * * * ? *)" }, "at most every 4 hours", { schedule: "cron 0 @ @ @ _ @" }],
  ["around midnight", { schedule: "cron(0 23,2 * * ? *)" }, "at most every 4", { schedule: "cron 0 23.2 @ @ _ @" }],
  ["past the hour", { schedule: "cron(5 3 ? * MON *)" }, "on the hour", { schedule: "cron 5 3 _ @ MON @" }],
  ["odd", { schedule: Duration.minutes(301) }, "on the hour", { schedule: "rate 301 minutes" }],
  ["in one year", { schedule: "cron(0 3 ? * MON 2099)" }, "name no year", { schedule: "cron 0 3 _ @ MON 2099" }],
  [
    "in a time zone",
    { schedule: "cron(0 3 ? * MON *)", timezone: "Europe/Berlin" },
    "in UTC",
    { schedule: "cron 0 3 _ @ MON @", timezone: "Europe/Berlin" },
  ],
  [
    "in half an hour",
    { schedule: "rate(1 day)", window: Duration.minutes(30) },
    "1 to 24 whole hours",
    { schedule: "rate 1 day", window: "30m" },
  ],
  [
    "in a window longer than its period",
    { schedule: "rate(4 hours)", window: Duration.hours(5) },
    "end before the next begins",
    { schedule: "rate 4 hours", window: "300m" },
  ],
  [
    "spread",
    { schedule: "rate(1 day)", spread: Duration.hours(2) },
    "picks a time within the window itself",
    { schedule: "rate 1 day", spread: "120m" },
  ],
])("%s: the clock keeps it, and Secrets Manager is not asked to", (_, props, why, tags) => {
  expect(scheduled(props)).toMatchObject({ tags: { ...tags, start: "now" } });
  expect(scheduled(props).rules).toBeUndefined();
  expect(scheduled({ ...props, rotateImmediately: false }).tags).toEqual(tags);
  expect(() => scheduled({ ...props, keeper: "secrets-manager" })).toThrow(
    new RegExp(`cannot be kept by Secrets Manager: .*${why}`),
  );
});

test("whoever asks for more than Secrets Manager's versions allow is told", () => {
  expect(scheduled({ schedule: "rate(5 minutes)" }).warning).toContain("about every 16 minutes");
  expect(scheduled({ schedule: "rate(16 minutes)" }).warning).toBeUndefined();
});

test.each<[string, ScheduleProps, string]>([
  ["two day fields", { schedule: "cron(0 3 1 * MON *)" }, "exactly one of its two day fields"],
  ["no such hour", { schedule: "cron(0 25 ? * MON *)" }, "cannot be read"],
  ["no hour", { schedule: "cron(0 ,, ? * MON *)" }, "cannot be read"],
  ["words", { schedule: "every week" }, "neither rate(…) nor cron(…)"],
  ["too slow", { schedule: "rate(1000 days)" }, "to 999 days"],
  ["seconds", { schedule: Duration.seconds(30) }, "not a whole number of minutes"],
  ["no such zone", { schedule: "cron(0 3 ? * MON *)", timezone: "Mars/Olympus" }, "cannot be read"],
])("%s: refused", (_, props, why) => {
  expect(() => scheduled(props)).toThrow(why);
});
