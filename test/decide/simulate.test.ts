// biome-ignore-all lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Playbook } from "../../lib/core/playbook.ts";
import type { Instant, Signal } from "../../lib/core/types.ts";
import { foresee } from "../../lib/engine/foresee.ts";
import { isSame, simulate } from "../../lib/engine/simulate.ts";
import { memoryPlaces } from "../../lib/memory/places.ts";
import { CI } from "../support/world.ts";
import { contains, decidingWorld, NAME, nth } from "./world.ts";

const START = "2026-11-20T00:00:00.000Z" as Instant;

const PLAYBOOKS: readonly Playbook[] = [
  contains({
    name: "twice",
    when: { scenario: "exfiltrated", minSeverity: 50, quorum: { signals: 2, withinMinutes: 20 } },
  }),
  contains({
    name: "high",
    when: { scenario: "exfiltrated", minSeverity: 80 },
    breakers: [{ per: "target", containments: 2, withinMinutes: 30 }],
  }),
  contains({ name: "ask", when: { scenario: "exfiltrated", minSeverity: 60 }, then: "propose" }),
  contains({ name: "rest", when: {}, then: "record", plan: [] }),
];

type Step = {
  readonly n: number;
  readonly minutes: number;
  readonly severity: number;
  readonly inert: boolean;
  readonly known: boolean;
};

const lived = async (playbooks: readonly Playbook[], steps: readonly Step[]) => {
  const world = await decidingWorld(playbooks);
  await world.register([NAME]);
  for (const { n, minutes, severity, inert, known } of steps) {
    world.clock.advance(minutes * 60_000);
    const signal: Signal = {
      ...nth(n),
      activityAt: world.clock.now(),
      severity,
      ...(inert && { inert: "sample" }),
      ...(!known && { subjects: ["name:nobody"] }),
    };
    await world.receive(signal);
  }
  const replay = (by: readonly Playbook[]) =>
    simulate(
      {
        ...world.open(),
        rotators: [],
        playbooks: by,
        places: memoryPlaces(world.clock),
        incidents: { get: async () => undefined },
        clock: world.clock,
      },
      world.rows,
      START,
    );
  return { world, replay };
};

const step = fc.record({
  n: fc.integer({ min: 1, max: 400 }),
  minutes: fc.integer({ min: 1, max: 25 }),
  severity: fc.constantFrom(30, 55, 65, 90),
  inert: fc.boolean(),
  known: fc.boolean(),
});

describe("a simulation", () => {
  it("by the playbooks that were in force says what happened, with breakers, quorums, samples and all", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(step, { maxLength: 8, selector: ({ n }) => n }), async (steps) => {
        const { replay } = await lived(PLAYBOOKS, steps);
        const replayed = await replay(PLAYBOOKS);
        expect(replayed).toHaveLength(steps.length);
        for (const one of replayed) {
          seen.add(one.did);
          expect([one.did, one.would.outcome, isSame(one)]).toEqual([one.did, one.would.outcome, true]);
        }
      }),
      { numRuns: 60 },
    );
    expect([...seen].toSorted()).toEqual(expect.arrayContaining(["contained", "ignored", "proposed"]));
  });

  it("by others says what would have been otherwise", async () => {
    const steps = [{ n: 1, minutes: 1, severity: 90, inert: false, known: true }];
    const { replay } = await lived([contains({ then: "record", plan: [] })], steps);
    const [one] = await replay([contains()]);
    expect(one).toMatchObject({ did: "ignored", would: { outcome: "contain", playbook: "p" } });
    expect(one && isSame(one)).toBe(false);
  });

  it("changes nothing", async () => {
    const { world, replay } = await lived(PLAYBOOKS, [{ n: 1, minutes: 1, severity: 30, inert: false, known: true }]);
    const before = world.rows.length;
    await replay([contains()]);
    expect(world.rows).toHaveLength(before);
    expect((await world.incidents.recent(9)).length).toBe(0);
  });
});

describe("a plan", () => {
  it("tells why each thing that the signal leads to is left alone", async () => {
    const world = await decidingWorld([contains()]);
    await world.register([NAME]);
    const [ci] = await world.inventory.list();
    if (!ci) throw new Error("no credential");
    const other = { ...ci, id: `${CI}-2` as typeof CI, name: "demo/other", protected: true };
    await world.inventory.put(other);
    const told = await foresee({ ...world.open(), rotators: [] }, nth(1), world.clock.now());
    expect(told).toMatchObject({ outcome: "contain", playbook: "p", reason: null });
    expect(told.credentials).toEqual([
      { credential: CI, name: "demo/ci", doomed: "current", replaced: true, narrowed: false, asked: false },
    ]);
    expect(told.spared).toEqual([{ what: other.id, why: "it is protected: no playbook contains it" }]);
    expect(told.blast?.terms).toHaveLength(4);
  });
  it("shows no replacement of a kind that has none, and whom it waits for", async () => {
    const world = await decidingWorld([contains()]);
    await world.register([NAME]);
    const of = async (nature: object) => {
      const open = { ...world.open(), rotators: [{ kind: "demo", ...nature }] };
      return (await foresee(open, nth(1), world.clock.now())).credentials;
    };
    expect(await of({})).toMatchObject([{ replaced: true, asked: false }]);
    expect(await of({ containedOnly: "it holds no password." })).toMatchObject([{ replaced: false, asked: false }]);
    expect(await of({ byPeople: "its provider has no API." })).toMatchObject([{ replaced: false, asked: true }]);
  });
  it("is what then happens", async () => {
    const world = await decidingWorld([contains({ maxBlast: 1 })]);
    await world.register([NAME]);
    const told = await foresee({ ...world.open(), rotators: [] }, nth(1), world.clock.now());
    const answered = await world.receive(nth(1));
    expect([told.outcome, told.reason]).toEqual(["propose", answered.reason]);
    expect(told.approval).toEqual({ needs: 1, expiresInMs: 86_400_000, onExpiry: "nothing" });
  });
});
