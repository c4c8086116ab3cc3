import { describe, expect, test } from "vitest";
import type { Instant } from "../../lib/core/types.ts";
import { HOUR, id, MINUTE, ONCE, START, world } from "../support/clock-world.ts";

describe("a schedule that the clock keeps", () => {
  test("is kept: once a turn, with a version of its own, not before its time", async () => {
    const w = world();
    await w.put(1);
    await w.run();
    expect(w.asked).toEqual([]);
    await w.pass(5 * HOUR);
    expect(w.asked).toHaveLength(5);
    expect(new Set(w.asked.map(({ attempt }) => attempt)).size).toBe(5);
    for (const { attempt, actor } of w.asked) {
      expect(attempt).toMatch(/^[0-9a-f]{64}$/);
      expect(actor).toEqual({ kind: "schedule", principal: "rekey-clock" });
    }
    expect(w.events).toEqual([]);
  });

  test("of each minute: every 10 minutes at most, and 90 times a day", async () => {
    const w = world();
    await w.put(1, { keeper: "clock", schedule: "rate(1 minute)" });
    await w.pass(24 * HOUR);
    const times = (w.made.get(id(1)) ?? []).slice(1);
    const gaps = times.map((at, i) => w.clock.between(times[i - 1] ?? START, at)).slice(1);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10 * MINUTE);
    expect(times.length).toBeLessThanOrEqual(90);
    expect(times.length).toBeGreaterThan(85);
  });

  test("starts at once when it is told to, and only the first time", async () => {
    const w = world();
    await w.put(1, ONCE);
    await w.run();
    await w.pass(HOUR);
    expect(w.asked).toHaveLength(1);
  });

  test("starts within its window or waits for the next, and says that it is late", async () => {
    const w = world();
    await w.put(1, { keeper: "clock", schedule: "cron(0 10 * * ? *)", windowMs: 10 * MINUTE });
    w.clock.advance(90 * MINUTE);
    await w.run();
    expect(w.asked).toEqual([]);
    expect((await w.due(1)).startAt.slice(0, 15)).toBe("2026-11-21T10:0");
    await w.pass(HOUR);
    expect(w.events.map(({ type, data }) => [type, "why" in data && data.why])).toEqual([
      ["rotation.overdue", "its window closed"],
    ]);
    await w.pass(23 * HOUR);
    expect(w.asked).toHaveLength(1);
    expect(await w.timetable.overdue()).toEqual([]);
  });

  test("does not start in a freeze, which excuses it, and goes on after", async () => {
    const to = "2026-11-20T15:00:00.000Z" as Instant;
    const w = world({ freezes: [{ from: START, to, reason: "holidays" }] });
    await w.put(1, ONCE);
    await w.pass(5.9 * HOUR);
    expect([w.asked, w.events]).toEqual([[], []]);
    await w.pass(HOUR);
    expect(w.asked).toHaveLength(1);
  });

  test("waits while an incident holds the credential, which is nobody's lateness", async () => {
    const w = world();
    await w.put(1, ONCE);
    w.held.set(id(1), "inc-1");
    await w.pass(4 * HOUR);
    expect([w.asked, w.events]).toEqual([[], []]);
    w.held.clear();
    await w.pass(HOUR);
    expect(w.asked).toHaveLength(1);
  });

  test("of a secret that is gone ends, until discovery sees it again", async () => {
    const w = world();
    await w.put(1);
    await w.pass(HOUR);
    const versions = async () => undefined;
    w.clock.advance(HOUR);
    await w.run({ versions });
    expect((await w.due(1)).parked).toBe(true);
    await w.pass(3 * HOUR);
    expect(w.asked).toHaveLength(1);
    await w.put(1);
    await w.pass(HOUR);
    expect(w.asked).toHaveLength(2);
  });
});
