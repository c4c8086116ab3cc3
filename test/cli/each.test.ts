import { expect, it } from "vitest";
import { each, ROTATIONS_A_SECOND } from "../../cli/each.ts";

it("begins no more than so many a second and runs no more than told at a time; results keep their order", async () => {
  const begun: number[] = [];
  let [running, most] = [0, 0];
  const items = Array.from({ length: 30 }, (_, i) => i);
  const pace = { concurrency: 5, aSecond: ROTATIONS_A_SECOND, label: "x", isFailure: () => false };
  const results = await each(items, pace, async (item) => {
    begun.push(performance.now());
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running -= 1;
    return item;
  });
  expect(results).toEqual(items);
  expect(most).toBe(5);
  for (const [i, at] of begun.entries()) {
    const later = begun[i + ROTATIONS_A_SECOND];
    // A timer may fire a little early.
    if (later !== undefined) expect(later - at).toBeGreaterThan(900);
  }
});
