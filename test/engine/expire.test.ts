import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { policyName } from "../../lib/core/quarantine-policy.ts";
import type { Identifier, Scenario, Signal } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import type { Mandate } from "../../lib/engine/decide.ts";
import { expireEnded, expireIncident } from "../../lib/engine/expire.ts";
import { type Answer, answer } from "../../lib/engine/respond.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, FIRST, memoryWorld } from "../support/world.ts";

type World = ReturnType<typeof memoryWorld>;
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const ROLE: Identifier = "iam-role:111122223333/shared";
const SESSION = "AROAEXAMPLEEXAMPLE000:stolen";
const WORK = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] });
const HOUR_MS = 3_600_000;
const LEASE_MS = 130_000;

type Shape = "narrow" | Scenario;
const ready = async (): Promise<World> => {
  const world = memoryWorld();
  await world.register([]);
  world.principals.inline.set(ROLE, new Map([["work", WORK]]));
  return world;
};
const signalAt = (world: World, id: string, over: Partial<Signal> = {}): Signal =>
  exfiltrated(["workload:ci", `role-session:${SESSION}`, ROLE], {
    id,
    activityAt: world.clock.now(),
    facts: { roleArn: "arn:aws:iam::111122223333:role/shared" },
    ...over,
  });
const PLANS = { narrow: ["rescope"], exfiltrated: ["revoke", "rotate"], compromised: ["revoke"] } as const;
const mandate = (shape: Shape, lastsMs?: number): Mandate => ({
  by: "human",
  actor: ALICE,
  reason: "while we look",
  plan: PLANS[shape],
  ...(lastsMs && { lastsMs }),
});
type Order = {
  readonly shape: Shape;
  readonly lastsMs?: number;
  readonly id?: string;
  readonly over?: Partial<Signal>;
};
const contain = (world: World, { shape, lastsMs, id = "one", over }: Order, f: Faults = faults()): Promise<Answer> => {
  const scenario = shape === "narrow" ? "exfiltrated" : shape;
  const signal = signalAt(world, id, { scenario, ...over });
  return answer(world.wired(f).respond(), signal, mandate(shape, lastsMs), world.clock.now());
};

/** One tick of the clock, and each message that it sends, delivered once. */
const tick = async (world: World, f: Faults = faults()): Promise<readonly string[]> => {
  const { incidents, clock, ...respond } = world.wired(f).respond();
  const sent: string[] = [];
  const expire = (incident: string) => f.call("sqs.send", async () => void sent.push(incident));
  await expireEnded({ boxes: incidents, expire, clock }, 9).catch(() => undefined);
  const outcomes: string[] = [];
  for (const incident of sent) {
    outcomes.push(await expireIncident({ ...respond, incidents, clock }, incident).catch((error: Error) => error.name));
  }
  return outcomes;
};
/** Everything that decides who gets in. */
const access = (world: World) => ({
  inline: Object.fromEntries(world.principals.inline.get(ROLE) ?? []),
  keys: [...(world.provider.users.get("ci") ?? [])].map(([key, { active }]) => [key, active]),
  readers: [...world.provider.readers],
});
const of = (world: World, type: string) => world.rows.filter((row) => row.type === type);

describe("a time-boxed containment", () => {
  it("stands until its time is over, then is undone byte for byte by the clock, once", async () => {
    const world = await ready();
    const before = access(world);
    const { incident = "" } = await contain(world, { shape: "compromised", lastsMs: HOUR_MS });
    expect(Object.keys(access(world).inline)).toEqual(["work", policyName(incident)]);
    world.clock.advance(HOUR_MS - 60_000);
    expect(await tick(world)).toEqual([]);
    expect(world.logsIn(FIRST)).toBe(false);
    world.clock.advance(60_000);
    expect(await tick(world)).toEqual(["restored"]);
    expect(access(world)).toEqual(before);
    world.clock.advance(HOUR_MS);
    expect(await tick(world)).toEqual([]);
    expect(of(world, "containment.expired")).toHaveLength(2);
    expect(of(world, "containment.expired")[0]).toMatchObject({
      actor: { kind: "schedule", principal: "rekey-clock" },
      data: { incident, endsAt: "2026-11-20T10:00:00.000Z", keptFor: null },
    });
    expect(of(world, "containment.restored")).toMatchObject([{ actor: { kind: "schedule" }, data: { incident } }]);
    expect(await world.incidents.get(incident)).toMatchObject({ state: "restored" });
  });

  it("says what had been changed meanwhile", async () => {
    const world = await ready();
    const { incident = "" } = await contain(world, { shape: "compromised", lastsMs: HOUR_MS });
    world.principals.inline.get(ROLE)?.set(policyName(incident), WORK);
    world.clock.advance(HOUR_MS);
    expect(await tick(world)).toEqual(["restored"]);
    const drift = [`${policyName(incident)} was not as Rekey had written it`];
    expect(of(world, "containment.quarantine_lifted")).toMatchObject([{ data: { drift } }]);
  });

  it("counts its time from when it begins, not from when it was asked for", async () => {
    const world = await ready();
    const signal = signalAt(world, "waited");
    world.clock.advance(HOUR_MS);
    await answer(world.wired().respond(), signal, mandate("compromised", HOUR_MS), world.clock.now());
    world.clock.advance(HOUR_MS - 1);
    expect(await tick(world)).toEqual([]);
    world.clock.advance(1);
    expect(await tick(world)).toEqual(["restored"]);
  });

  it("that a person undid earlier is over: what was revoked since stays so", async () => {
    const world = await ready();
    const { incident = "" } = await contain(world, { shape: "compromised", lastsMs: HOUR_MS });
    await restoreIncident(world.wired().respond(), incident, ALICE);
    world.provider.users.get("ci")?.set("first-key-of-ci", { active: false, madeBy: "somebody" });
    world.clock.advance(HOUR_MS);
    expect(await tick(world)).toEqual([]);
    expect(world.logsIn(FIRST)).toBe(false);
  });

  it("that cannot be undone now is held on, told, and undone at a later turn", async () => {
    const world = await ready();
    const before = access(world);
    await contain(world, { shape: "compromised", lastsMs: HOUR_MS });
    world.clock.advance(HOUR_MS);
    world.provider.reachable = false;
    expect(await tick(world)).not.toEqual(["restored"]);
    expect(of(world, "containment.failed")).toMatchObject([{ data: { step: "expire" } }]);
    expect(await world.incidents.recent(1)).toMatchObject([{ state: "refused" }]);
    world.provider.reachable = true;
    expect(await tick(world), "asked for again only after a while").toEqual([]);
    world.clock.advance(600_000);
    expect(await tick(world)).toEqual(["restored"]);
    expect(access(world)).toEqual(before);
  });
});

const CREDENTIAL_ALONE: Partial<Signal> = { subjects: ["workload:ci"], facts: {} };

describe("a time-boxed containment whose login was changed since", () => {
  it("is left contained, told once, and left to people after a day", async () => {
    const world = await ready();
    const { incident = "" } = await contain(world, { shape: "compromised", lastsMs: HOUR_MS });
    world.provider.users.get("ci")?.clear();
    const outcomes = [];
    world.clock.advance(HOUR_MS);
    for (let n = 0; n < 200; n++) {
      outcomes.push(...(await tick(world)));
      world.clock.advance(600_000);
    }
    expect(new Set(outcomes)).toEqual(new Set(["drifted"]));
    expect(outcomes.length).toBeLessThan(150);
    expect(of(world, "containment.failed")).toHaveLength(1);
    expect(await world.incidents.get(incident)).toMatchObject({ state: "refused" });
  });
});

describe("a time-boxed containment of what a later incident wants dead as well", () => {
  it("leaves it dead, says for whom, and gives back the rest", async () => {
    const world = await ready();
    await contain(world, { shape: "compromised", lastsMs: HOUR_MS });
    world.clock.advance(60_000);
    const later = await contain(world, { shape: "compromised", id: "two", over: CREDENTIAL_ALONE });
    world.clock.advance(HOUR_MS);
    expect(await tick(world)).toEqual(["restored"]);
    expect(world.logsIn(FIRST)).toBe(false);
    expect(access(world).inline).toEqual({ work: WORK });
    const keptFor = of(world, "containment.expired").map(({ stream, data }) => [stream, data]);
    expect(Object.fromEntries(keptFor)).toMatchObject({
      [CI]: { keptFor: later.incident },
      [ROLE]: { keptFor: null },
    });
  });

  it("waits for one that is time-boxed too: ordered twice is prolonged", async () => {
    const world = await ready();
    const before = access(world);
    await contain(world, { shape: "compromised", lastsMs: HOUR_MS });
    world.clock.advance(HOUR_MS / 2);
    await contain(world, { shape: "compromised", lastsMs: HOUR_MS, id: "two" });
    world.clock.advance(HOUR_MS / 2);
    expect(await tick(world)).toEqual(["early"]);
    expect(world.logsIn(FIRST)).toBe(false);
    for (let n = 0; n < 3; n++) {
      world.clock.advance(n === 0 ? HOUR_MS / 2 : 600_000);
      await tick(world);
    }
    expect(access(world)).toEqual(before);
  });

  it("is not kept by further reports of what it had answered", async () => {
    const world = await ready();
    const before = access(world);
    const activityAt = world.clock.now();
    world.clock.advance(1_000);
    await contain(world, { shape: "compromised", lastsMs: HOUR_MS, over: { activityAt } });
    world.clock.advance(60_000);
    const over = { activityAt, ...CREDENTIAL_ALONE };
    expect(await contain(world, { shape: "compromised", id: "again", over })).toMatchObject({ state: "void" });
    world.clock.advance(HOUR_MS);
    expect(await tick(world)).toEqual(["restored"]);
    expect(access(world)).toEqual(before);
  });
});

describe("expiry", () => {
  type Case = { readonly shape: Shape; readonly minutes: number; readonly steps: readonly (keyof typeof STEPS)[] };
  const STEPS = {
    hold: (world: World, incident: string) => holdIncident(world.wired().respond(), incident),
    tick: async (world: World) => expect(await tick(world)).toEqual([]),
    redeliver: (world: World, _: string, order: Order) => contain(world, order),
  } as const;
  const cases: fc.Arbitrary<Case> = fc.record({
    shape: fc.constantFrom("narrow", "exfiltrated", "compromised"),
    minutes: fc.integer({ min: 5, max: 600 }),
    steps: fc.array(fc.constantFrom("hold", "tick", "redeliver"), { maxLength: 6 }),
  });

  /** What gets in after an incident was undone; a replacement that was issued meanwhile stays, and is left out. */
  const undone = async (
    { shape, minutes, steps }: Case,
    undo: (world: World, incident: string) => Promise<unknown>,
  ) => {
    const world = await ready();
    const before = access(world);
    const order = { shape, lastsMs: minutes * 60_000, over: { activityAt: world.clock.now() } };
    const { incident = "" } = await contain(world, order);
    for (const step of steps) {
      world.clock.advance(10_000);
      await STEPS[step](world, incident, order);
    }
    world.clock.advance(order.lastsMs);
    await undo(world, incident);
    const known = new Set(before.keys.map(([key]) => key));
    const after = access(world);
    return { before, after: { ...after, keys: after.keys.filter(([key]) => known.has(key)) } };
  };

  it("is restore, and both are identity, whatever happens before", async () => {
    const property = fc.asyncProperty(cases, async (one) => {
      const byClock = await undone(one, async (world) => expect(await tick(world)).toEqual(["restored"]));
      const byHand = await undone(one, (world, id) => restoreIncident(world.wired().respond(), id, ALICE));
      expect(byClock.after).toEqual(byClock.before);
      expect(byHand.after).toEqual(byHand.before);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  const points = (calls: readonly string[]) =>
    calls.flatMap((name, i) => (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode, name })));

  it("happens exactly once after a crash at any of its calls", async () => {
    const arrange = async () => {
      const world = await ready();
      await contain(world, { shape: "compromised", lastsMs: HOUR_MS });
      world.clock.advance(HOUR_MS);
      return world;
    };
    const probe = faults();
    expect(await tick(await arrange(), probe)).toEqual(["restored"]);
    expect(probe.calls.length).toBeGreaterThan(12);
    for (const { at, mode, name } of points(probe.calls)) {
      const world = await arrange();
      await tick(world, faults(at, mode));
      for (let again = 0; again < 2; again++) {
        world.clock.advance(600_000);
        await tick(world);
      }
      expect(access(world), `${name} ${mode}`).toMatchObject({ inline: { work: WORK }, readers: [] });
      expect(world.logsIn(FIRST), `${name} ${mode}`).toBe(true);
      for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
      expect(of(world, "containment.restored"), `${name} ${mode}`).toHaveLength(1);
      expect(of(world, "containment.expired"), `${name} ${mode}`).toHaveLength(2);
      world.clock.advance(600_000);
      expect(await tick(world), `${name} ${mode}`).toEqual([]);
    }
  });

  it("happens after a crash at any call of the containment", async () => {
    const activityAt = (await ready()).clock.now();
    const order = { shape: "compromised", lastsMs: HOUR_MS, over: { activityAt } } as const;
    const probe = faults();
    await contain(await ready(), order, probe);
    for (const { at, mode, name } of points(probe.calls)) {
      const world = await ready();
      const before = access(world);
      await contain(world, order, faults(at, mode)).catch(() => undefined);
      for (let again = 0; again < 3; again++) {
        world.clock.advance(LEASE_MS);
        await contain(world, order).catch(() => undefined);
      }
      world.clock.advance(HOUR_MS);
      expect(await tick(world), `${name} ${mode}`).toEqual(["restored"]);
      expect(access(world), `${name} ${mode}`).toEqual(before);
    }
  });
});
