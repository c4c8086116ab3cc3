import { beforeAll, describe, expect, test } from "vitest";
import { CONTAINMENT_MS, type Simulated, simulate } from "../../bench/drain.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { writeLimit } from "../../lib/memory/limits.ts";

const MINUTE = 60_000;
const estate = { credentials: 10_000, spreadMs: 0, deadOf1000: 30, seed: 7 };

test("the limit refuses the 51st write of any second, and takes it in the next", () => {
  const clock = memoryClock("2027-01-04T03:00:00.000Z");
  const limit = writeLimit(clock);
  for (let n = 0; n < 50; n += 1) limit.write("a");
  expect(() => limit.write("b")).toThrow(expect.objectContaining({ name: "ThrottlingException" }));
  clock.advance(1_000);
  limit.write("b");
  expect(limit.seen()).toEqual({ most: 50, refused: 1 });
});

describe("10,000 credentials due at the same moment, 61 of 2,451 servers dead for 20 minutes, one of them with 200 logins", () => {
  let all: Simulated;
  beforeAll(async () => {
    all = await simulate(estate);
  });

  test("each is rotated exactly once", () => {
    expect(new Set(all.rotated.map(({ id }) => id)).size).toBe(estate.credentials);
    expect(all.rotated).toHaveLength(estate.credentials);
  });

  test("Secrets Manager never refuses, and what containments may need is left over", () => {
    expect(all.limit.refused).toBe(0);
    expect(all.limit.most).toBeLessThanOrEqual(50);
    expect(all.writes.length).toBe(2 * (estate.credentials + all.containments.length));
  });

  test("within three quarters of an hour, nobody starved: the dead are done soon after they are back", () => {
    const alive = all.rotated.filter(({ isDead }) => !isDead);
    expect(Math.max(...alive.map(({ at }) => at))).toBeLessThan(35 * MINUTE);
    expect(all.drainedMs).toBeLessThan(45 * MINUTE);
    expect(all.overdueEvents).toBe(0);
  });

  test("no containment was delayed or refused, while all the others waited", () => {
    expect(all.containments.length).toBeGreaterThan(90);
    expect(new Set(all.containments)).toEqual(new Set([CONTAINMENT_MS]));
  });
});

test("other estates come through as well: other seeds, more dead targets, spread over 15 minutes", async () => {
  for (const seed of [1, 2, 3]) {
    const all = await simulate({ credentials: 1_500, spreadMs: 15 * MINUTE, deadOf1000: 200, seed });
    expect(all.limit.refused).toBe(0);
    expect(new Set(all.rotated.map(({ id }) => id)).size).toBe(1_500);
    expect(all.overdueEvents).toBe(0);
  }
});
