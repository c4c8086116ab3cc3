import { describe, expect, it } from "vitest";
import { weather } from "../../bench/weather.ts";

const STORM = { signals: 10_000, subjects: 300, overMs: 60_000 };
/** Bounded like a hundredth part of a talker's worst: the queue of a tool that acts on one event at a time. */
const SOON_MS = 1_000;

const at = (samples: readonly number[], share: number) =>
  [...samples].sort((a, b) => a - b)[Math.ceil(share * samples.length) - 1] ?? Number.POSITIVE_INFINITY;

describe("10,000 signals in a minute about 300 subjects", () => {
  it("are all answered, each subject is contained once, and none waits for another", { timeout: 60_000 }, async () => {
    const of = await weather({ ...STORM, diesOf1000: 0, seed: 1 });
    expect(of).toMatchObject({ lost: 0, stillIn: 0 });
    expect(of.answeredAfter).toHaveLength(STORM.signals);
    expect(new Set(of.effective)).toEqual(new Set([1]));
    expect(at(of.refusedAfter, 1)).toBeLessThan(SOON_MS);
  });

  it.each([2, 3])("stay so while invocations die in their midst, seed %i", { timeout: 60_000 }, async (seed) => {
    const of = await weather({ ...STORM, diesOf1000: 50, seed });
    expect(of.died).toBeGreaterThan(20);
    expect(of).toMatchObject({ lost: 0, stillIn: 0 });
    expect(of.answeredAfter).toHaveLength(STORM.signals);
    expect(new Set(of.effective)).toEqual(new Set([1]));
  });
});
