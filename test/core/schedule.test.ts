import fc from "fast-check";
import { expect, test } from "vitest";
import { admits, backoffMs, type Flight, targetOf, writableAt } from "../../lib/core/admission.ts";
import { nextAfter, parseSchedule, shortestGapMs } from "../../lib/core/schedule.ts";
import { scheduleFromTag, scheduleToTag, slotAfter, timingOf } from "../../lib/core/schedule-timing.ts";
import type { CredentialId, Instant } from "../../lib/core/types.ts";
import { memoryClock } from "../../lib/memory/clock.ts";

const times = memoryClock("2026-11-20T09:00:00.000Z");
const at = (text: string) => text as Instant;
const id = (n: number) => `arn:aws:secretsmanager:eu-central-1:111111111111:secret:s${n}` as CredentialId;
const next = (schedule: string, after: string, zone?: string) =>
  nextAfter(parseSchedule(schedule, zone), at(after), times);

// Expected times: the examples of the EventBridge and Secrets Manager user guides on cron expressions, worked by hand.
test.each([
  ["rate(5 minutes)", "2026-11-20T09:02:00.000Z", "2026-11-20T09:05:00.000Z"],
  ["rate(1 day)", "2026-11-20T09:02:00.000Z", "2026-11-21T00:00:00.000Z"],
  ["cron(0 3 ? * MON *)", "2026-11-20T09:00:00.000Z", "2026-11-23T03:00:00.000Z"],
  ["cron(0 3 ? * 2 *)", "2026-11-20T09:00:00.000Z", "2026-11-23T03:00:00.000Z"],
  ["cron(0 3 ? * 2#1 *)", "2026-11-20T09:00:00.000Z", "2026-12-07T03:00:00.000Z"],
  ["cron(0 3 ? * 6L *)", "2026-11-20T09:00:00.000Z", "2026-11-27T03:00:00.000Z"],
  ["cron(0 3 L * ? *)", "2026-11-20T09:00:00.000Z", "2026-11-30T03:00:00.000Z"],
  ["cron(0/15 8-18 ? * MON-FRI *)", "2026-11-20T18:50:00.000Z", "2026-11-23T08:00:00.000Z"],
  ["cron(0 /8 * * ? *)", "2026-11-20T09:00:00.000Z", "2026-11-20T16:00:00.000Z"],
])("%s after %s is %s", (schedule, after, expected) => {
  expect(next(schedule, after)).toBe(expected);
});

test("a time zone moves with its summer time; what falls into the missing hour comes after it, what comes twice comes once", () => {
  const berlin = "Europe/Berlin";
  expect(next("cron(0 3 * * ? *)", "2026-07-01T12:00:00.000Z", berlin)).toBe("2026-07-02T01:00:00.000Z");
  expect(next("cron(0 3 * * ? *)", "2026-12-01T12:00:00.000Z", berlin)).toBe("2026-12-02T02:00:00.000Z");
  expect(next("cron(30 2 * * ? *)", "2027-03-27T12:00:00.000Z", berlin)).toBe("2027-03-28T01:00:00.000Z");
  const twice = next("cron(30 2 * * ? *)", "2026-10-24T12:00:00.000Z", berlin) ?? "";
  expect(next("cron(30 2 * * ? *)", twice, berlin)).toBe("2026-10-26T01:30:00.000Z");
});

test.each([
  ["every week", "neither rate(…) nor cron(…)"],
  ["rate(0 minutes)", "from 1 minute to 999 days"],
  ["rate(1000 days)", "from 1 minute to 999 days"],
  ["rate(30 seconds)", "neither rate(…) nor cron(…)"],
  ["cron(0 3 1 * MON *)", "exactly one of its two day fields"],
  ["cron(0 25 ? * MON *)", "cannot be read"],
  ["cron(0 ,, ? * MON *)", "cannot be read"],
  ["cron(0 3 ? * MON 2020)", "never falls due again"],
])("%s is refused: %s", (schedule, why) => {
  expect(() => parseSchedule(schedule)).toThrow(why);
});

test("a time zone that there is not is refused", () => {
  expect(() => parseSchedule("cron(0 3 ? * MON *)", "Mars/Olympus")).toThrow("cannot be read");
  expect(() => parseSchedule("rate(1 day)", "Europe/Berlin")).toThrow("a rate has no time zone");
});

test.each([
  ["rate(5 minutes)", 300_000],
  ["cron(0 23,2 * * ? *)", 3 * 3_600_000],
  ["cron(* 8-18 ? * MON-FRI *)", 60_000],
  ["cron(0 3 1 * ? *)", 28 * 86_400_000],
])("the shortest gap of %s is %i ms", (schedule, gap) => {
  expect(shortestGapMs(schedule)).toBe(gap);
});

test("a schedule goes into a tag and comes back, in characters that a tag takes", () => {
  for (const schedule of [
    "rate(5 minutes)",
    "cron(0/15 8-18 ? * MON,TUE *)",
    "cron(0 3 ? * 2#1 *)",
    "cron(0 3 L * ? *)",
  ]) {
    const tag = scheduleToTag(schedule);
    expect(tag).toMatch(/^[\p{L}\p{N}\p{Zs}_.:/=+\-@]{1,256}$/u);
    expect(scheduleFromTag(tag)).toBe(schedule);
  }
  expect(timingOf({ schedule: "cron 0 3 _ @ MON @", window: "2h", spread: "30m", timezone: "Europe/Berlin" })).toEqual({
    keeper: "clock",
    schedule: "cron(0 3 ? * MON *)",
    timezone: "Europe/Berlin",
    windowMs: 7_200_000,
    spreadMs: 1_800_000,
  });
  expect(timingOf({ kind: "postgres" })).toBeUndefined();
  expect(() => timingOf({ schedule: "rate 5 minutes", window: "long" })).toThrow("tag rekey:window is long");
});

const timings = fc.record(
  {
    keeper: fc.constant("clock" as const),
    schedule: fc.constantFrom("rate(5 minutes)", "rate(6 hours)", "cron(0 3 ? * MON *)", "cron(0/20 8-18 * * ? *)"),
    windowMs: fc.integer({ min: 60_000, max: 4 * 3_600_000 }),
    spreadMs: fc.integer({ min: 0, max: 4 * 3_600_000 }),
  },
  { requiredKeys: ["keeper", "schedule"] },
);
const moments = fc
  .integer({ min: 0, max: 300 * 86_400 })
  .map((s) => times.after(at("2026-06-01T00:00:00.000Z"), s * 1_000));

test("a turn is always later, always the same, within its window, and the turns of a credential are whole periods apart", () => {
  fc.assert(
    fc.property(timings, moments, fc.integer({ min: 0, max: 10_000 }), (timing, after, n) => {
      const slot = slotAfter(timing, id(n), after, times);
      if (!slot) throw new Error("no turn");
      expect(slot.at > after).toBe(true);
      expect(slotAfter(timing, id(n), times.after(slot.at, -1), times)).toEqual(slot);
      if (slot.closesAt) expect(slot.at < slot.closesAt).toBe(true);
      const following = slotAfter(timing, id(n), slot.at, times);
      expect(times.between(slot.at, following?.at ?? slot.at)).toBeGreaterThanOrEqual(shortestGapMs(timing.schedule));
    }),
    { numRuns: 300 },
  );
});

test("10,000 credentials of one schedule spread evenly: no minute of the hour has twice its share", () => {
  const timing = { keeper: "clock", schedule: "rate(1 hour)" } as const;
  const perMinute = new Map<string, number>();
  for (let n = 0; n < 10_000; n += 1) {
    const minute = slotAfter(timing, id(n), at("2026-11-20T09:00:00.000Z"), times)?.at.slice(0, 16) ?? "";
    perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
  }
  expect(perMinute.size).toBeGreaterThanOrEqual(60);
  expect(Math.max(...perMinute.values())).toBeLessThan(2 * (10_000 / 60));
});

type Ended = Flight & { readonly endedAt: number };
const seenAt =
  (now: number) =>
  ({ startedAt, endedAt }: Ended): Flight =>
    endedAt <= now ? { startedAt, endedAt } : { startedAt };

/** When each of these writes that is admitted as soon as it may be: at the worst, both writes at one moment of its run. */
const flown = (work: readonly (readonly [lasts: number, share: number])[]): readonly number[] => {
  const flights: Ended[] = [];
  const writes: number[] = [];
  const waiting = [...work];
  for (let now = 0; waiting.length > 0; now += 50) {
    if (!admits(flights.map(seenAt(now)), now)) continue;
    const [lasts, share] = waiting.shift() ?? [0, 0];
    flights.push({ startedAt: now, endedAt: now + lasts });
    writes.push(now + lasts * share, now + lasts * share);
  }
  return writes;
};

test("in no second can what was admitted write more than 30 times, 50 with targets that hang, however late it writes", () => {
  const durations = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 30_000 }), fc.double({ min: 0, max: 1, noNaN: true })),
    {
      minLength: 60,
      maxLength: 160,
    },
  );
  fc.assert(
    fc.property(durations, fc.boolean(), (work, mayHang) => {
      const writes = flown(work.map(([lasts, share]) => [mayHang ? lasts : Math.min(lasts, 9_000), share]));
      expect(writes).toHaveLength(2 * work.length);
      const busiest = Math.max(...writes.map((from) => writes.filter((w) => w >= from && w < from + 1_000).length));
      expect(busiest).toBeLessThanOrEqual(mayHang ? 50 : 30);
    }),
    { numRuns: 150 },
  );
});

test("a schedule writes a secret every 10 minutes at most, and 90 times a day; a first version does not count", () => {
  const now = at("2026-11-20T09:00:00.000Z");
  const ago = (minutes: number) => times.after(now, -minutes * 60_000);
  expect(writableAt([], now, times)).toBeUndefined();
  expect(writableAt([ago(1)], now, times)).toBeUndefined();
  expect(writableAt([ago(600), ago(4)], now, times)).toBe("2026-11-20T09:06:00.000Z");
  expect(writableAt([ago(600), ago(10)], now, times)).toBeUndefined();
  const many = Array.from({ length: 90 }, (_, n) => ago(15 * n + 11));
  expect(writableAt(many, now, times)).toBe(times.after(many[89] ?? now, 86_400_000));
  expect(writableAt(many.slice(1), now, times)).toBeUndefined();
});

test("back-off doubles from a minute to an hour", () => {
  expect([1, 2, 3, 7, 100].map(backoffMs)).toEqual([60_000, 120_000, 240_000, 3_600_000, 3_600_000]);
});

test("what waits as one: a server of a network, an IAM user, else the credential", () => {
  expect(targetOf(id(1), "vpn", ["secret:x", "db:db.example.com:5432/orders_a"])).toBe("vpn/db:db.example.com:5432");
  expect(targetOf(id(1), "vpn", ["iam-user:111111111111/ci", "aws-key:AKIA"])).toBe("iam-user:111111111111/ci");
  expect(targetOf(id(1), "vpn", ["workload:ci"])).toBe(id(1));
});
