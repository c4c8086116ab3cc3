import { Duration } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { scheduleExpression } from "../../cdk/constructs/schedule.ts";

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
])("schedule %s is kept as %s", (given, kept) => {
  expect(scheduleExpression(given)).toBe(kept);
});

test.each([
  ["rate(3 hours)", "at most every 4 hours"],
  ["rate(1 minute)", "at most every 4 hours"],
  ["cron(0 * * * ? *)", "at most every 4 hours"],
  ["cron(0 1,3 * * ? *)", "at most every 4 hours"],
  ["cron(0 23,2 * * ? *)", "at most every 4 hours"],
  ["cron(0 /3 * * ? *)", "at most every 4 hours"],
  ["cron(5 3 ? * MON *)", "minutes must be 0"],
  ["cron(0 3 1 * MON *)", "exactly one of its two day fields"],
  ["cron(0 25 ? * MON *)", "its hours are 25"],
  ["cron(0 ,, ? * MON *)", "its hours are"],
  ["cron(0 3 ? * MON 2027)", "year must be *"],
  ["every week", "neither rate(…) nor cron(…)"],
  ["rate(1000 days)", "at least every 999 days"],
  [Duration.minutes(301), "whole number of hours"],
])("schedule %s is refused: %s", (given, why) => {
  expect(() => scheduleExpression(given)).toThrow(why);
});
