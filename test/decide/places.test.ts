import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { breakersOf, type Places, quorumOf } from "../../lib/core/breaker/places.ts";
import { parsePlaybooks } from "../../lib/core/playbook.ts";
import type { Instant } from "../../lib/core/types.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryPlaces } from "../../lib/memory/places.ts";

const clock = memoryClock("2026-11-20T09:00:00.000Z");
const at = (ms: number): Instant => clock.after("2026-11-20T09:00:00.000Z" as Instant, ms);

const call = fc.record({ holder: fc.integer({ min: 0, max: 30 }), gapMs: fc.integer({ min: 0, max: 400 }) });

const taken = async (
  places: Places,
  calls: readonly { readonly holder: number; readonly gapMs: number }[],
  limit: object,
) => {
  let now = 0;
  const told: { readonly holder: number; readonly now: number; readonly has: boolean }[] = [];
  for (const { holder, gapMs } of calls) {
    now += gapMs;
    told.push({ holder, now, has: await places.take("k", `inc-${holder}`, limit as never, at(now)) });
  }
  return told;
};

describe("places", () => {
  it("never have more holders in any window than there are, wherever the window begins", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(call, { maxLength: 60 }),
        async (places, withinMs, calls) => {
          const told = await taken(memoryPlaces(clock), calls, { places, withinMs });
          // The instant at which each was let in anew; while it holds its place it is let in again for nothing.
          const begun = told.filter(
            (one, i) =>
              one.has && !told.slice(0, i).some((b) => b.has && b.holder === one.holder && one.now - b.now < withinMs),
          );
          for (const { now } of begun) {
            const inWindow = new Set(
              begun.filter((one) => one.now > now - withinMs && one.now <= now).map(({ holder }) => holder),
            );
            expect(inWindow.size).toBeLessThanOrEqual(places);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
  it("turn nobody away while one is free, and let whoever has one in again", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 40 }),
        async (places, holders) => {
          const told = await taken(
            memoryPlaces(clock),
            holders.map((holder) => ({ holder, gapMs: 0 })),
            { places, withinMs: 1_000 },
          );
          const first = [...new Set(holders)].slice(0, places);
          for (const { holder, has } of told) expect(has).toBe(first.includes(holder));
        },
      ),
      { numRuns: 300 },
    );
  });
  it("are free again once their window has passed", async () => {
    const places = memoryPlaces(clock);
    const limit = { places: 1, withinMs: 60_000 };
    expect(await places.take("k", "a", limit, at(0))).toBe(true);
    expect(await places.take("k", "b", limit, at(59_999))).toBe(false);
    expect(await places.take("k", "b", limit, at(60_000))).toBe(true);
    expect(await places.take("k", "a", limit, at(60_001))).toBe(false);
    expect(await places.take("other", "a", limit, at(60_001))).toBe(true);
  });
});

it("keys are per playbook, and per target or account as it says", () => {
  const [playbook] = parsePlaybooks({
    playbooks: [
      {
        name: "p",
        description: "d",
        when: { quorum: { signals: 3, withinMinutes: 5 } },
        // biome-ignore lint/suspicious/noThenProperty: a word in a file that people write
        then: "contain",
        plan: ["revoke"],
        maxCredentials: 1,
        reason: "r",
        breakers: [
          { per: "target", containments: 2, withinMinutes: 1 },
          { per: "account", containments: 3, withinMinutes: 2 },
          { per: "playbook", containments: 4, withinMinutes: 3 },
        ],
      },
    ],
  });
  if (!playbook) throw new Error("no playbook");
  expect(breakersOf(playbook, "111122223333", ["a", "b"]).map(({ key, limit }) => [key, limit.places])).toEqual([
    ["breaker#p#target#a", 2],
    ["breaker#p#target#b", 2],
    ["breaker#p#account#111122223333", 3],
    ["breaker#p#playbook#p", 4],
  ]);
  expect(quorumOf(playbook, ["a"])).toEqual([{ key: "quorum#p#a", limit: { places: 2, withinMs: 300_000 } }]);
});
