import { describe, expect, it } from "vitest";
import { Forbidden } from "../../lib/core/errors.ts";
import type { Instant, Signal } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { answer } from "../../lib/engine/respond.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, FIRST, memoryWorld } from "../support/world.ts";

type World = ReturnType<typeof memoryWorld>;
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const SESSION = "AROAEXAMPLEEXAMPLE000:stolen";
const OTHERS = JSON.stringify({ Version: "2012-10-17", Statement: [{ Sid: "Theirs", Effect: "Allow" }] }, null, 1);

/** Nobody may be denied in IAM: whoever holds the session could read what comes next. */
const stolen = (): Signal => exfiltrated([`role-session:${SESSION}`, `secret:${CI}`]);
const ready = async (): Promise<World> => {
  const world = memoryWorld();
  await world.register([]);
  world.policies.texts.set(CI, OTHERS);
  return world;
};
const respondOf = (world: World, f: Faults = faults()) => {
  const { quarantine: _, ...rest } = world.wired(f).respond();
  return rest;
};
const deliver = (world: World, f: Faults = faults()) =>
  answer(respondOf(world, f), stolen(), { by: "playbook" }, "2026-11-20T09:00:00.000Z" as Instant);
type Statement = { readonly Sid: string; readonly Condition?: object };
const statements = (world: World) =>
  (JSON.parse(world.policies.texts.get(CI) ?? '{"Statement":[]}') as { readonly Statement: readonly Statement[] })
    .Statement;
const types = (world: World) => world.rows.map(({ type }) => type);
const current = (world: World) => world.memory.labels(CI).current;

describe("a replacement", () => {
  it("is withheld from the session that was seen before it is there, held so, and given back by restore", async () => {
    const world = await ready();
    const probe = faults();
    const { incident = "", state } = await deliver(world, probe);
    expect(state).toBe("refused");
    expect(current(world)).not.toBe(FIRST);
    const order = probe.calls.filter((call) => /^policies\.write|^vault\.(stage|promote)/.test(call));
    expect(order[0]).toBe("policies.write");
    expect(statements(world)).toEqual([
      { Sid: "Theirs", Effect: "Allow" },
      expect.objectContaining({ Effect: "Deny", Condition: { StringEquals: { "aws:userid": [SESSION] } } }),
    ]);
    world.policies.texts.set(CI, OTHERS);
    world.clock.advance(10_000);
    expect(await holdIncident(respondOf(world), incident)).toBe("again");
    expect(statements(world)).toHaveLength(2);
    expect(await holdIncident(respondOf(world), incident)).toBe("contained");
    await restoreIncident(respondOf(world), incident, ALICE);
    expect(JSON.parse(world.policies.texts.get(CI) ?? "")).toEqual(JSON.parse(OTHERS));
    expect(types(world).filter((type) => /withh/.test(type))).toEqual([
      "containment.withheld",
      "containment.withheld",
      "containment.withholding_lifted",
    ]);
  });

  it("is issued only once IAM must feel that, and the kill does not wait for it", async () => {
    const world = await ready();
    const began = Date.parse(world.clock.now());
    const { incident = "" } = await deliver(world);
    const { timeline, progress } = (await world.incidents.get(incident)) ?? {};
    expect(Date.parse(timeline?.refusedAt ?? "") - began).toBeLessThan(1_000);
    expect(Date.parse(progress?.[CI]?.installedAt ?? "") - began).toBeGreaterThanOrEqual(10_000);
  });

  it("is withheld once, and nothing is left of it after restore, after a crash at any call", async () => {
    const probe = faults();
    await deliver(await ready(), probe);
    const points = probe.calls.flatMap((_, i) =>
      (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode })),
    );
    expect(points.length).toBeGreaterThan(60);
    for (const { at, mode } of points) {
      const world = await ready();
      await deliver(world, faults(at, mode)).catch(() => undefined);
      for (let again = 0; again < 4; again++) {
        world.clock.advance(130_000);
        await deliver(world).catch(() => undefined);
      }
      const told = `${probe.calls[at - 1]} ${mode}`;
      expect(statements(world), told).toHaveLength(2);
      expect(world.logsIn(FIRST), told).toBe(false);
      expect(current(world), told).not.toBe(FIRST);
      for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
      expect(
        types(world).filter((type) => type === "containment.withheld"),
        told,
      ).toHaveLength(1);
      const [only] = await world.incidents.recent(9);
      await restoreIncident(respondOf(world), only?.id ?? "", ALICE);
      expect(statements(world), told).toEqual([{ Sid: "Theirs", Effect: "Allow" }]);
    }
  });

  it("is issued all the same where that may not be had, and the ledger says so", async () => {
    const world = await ready();
    const refusing: Faults = {
      ...faults(),
      through: <P extends object>(name: string, port: P): P =>
        name === "policies"
          ? new Proxy(port, {
              get: () => () => Promise.reject(new Forbidden("secretsmanager:PutResourcePolicy is missing")),
            })
          : port,
    };
    expect(await deliver(world, refusing)).toMatchObject({ state: "refused" });
    expect(current(world)).not.toBe(FIRST);
    const failed = world.rows.find(({ type }) => type === "containment.failed");
    expect(failed?.data).toMatchObject({
      step: "withhold",
      error: expect.stringMatching(/PutResourcePolicy is missing/),
    });
  });

  it("is not issued yet while that cannot be told", async () => {
    const world = await ready();
    const silent: Faults = {
      ...faults(),
      through: <P extends object>(name: string, port: P): P =>
        name === "policies" ? new Proxy(port, { get: () => () => Promise.reject(new Error("no answer")) }) : port,
    };
    await expect(deliver(world, silent)).rejects.toThrow(/not contained yet/);
    expect(world.logsIn(FIRST)).toBe(false);
    expect(current(world)).toBe(FIRST);
    world.clock.advance(130_000);
    expect(await deliver(world)).toMatchObject({ state: "refused" });
    expect(current(world)).not.toBe(FIRST);
  });
});
