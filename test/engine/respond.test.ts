import { describe, expect, it } from "vitest";
import type { Identifier, Instant, Signal } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { Unfinished } from "../../lib/engine/contain.ts";
import type { Mandate } from "../../lib/engine/decide.ts";
import { manual, Order } from "../../lib/engine/manual.ts";
import { type Answer, answer, respond } from "../../lib/engine/respond.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, FIRST, memoryWorld } from "../support/world.ts";

type World = ReturnType<typeof memoryWorld>;
const NAME: Identifier = "iam-user:111122223333/ci";
const PLAYBOOK: Mandate = { by: "playbook" };
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;

const ready = async (): Promise<World> => {
  const world = memoryWorld();
  await world.register([NAME]);
  return world;
};
const deliver = (world: World, signal: Signal, f: Faults = faults()): Promise<Answer> =>
  answer(world.wired(f).respond(), signal, PLAYBOOK, "2026-11-20T09:00:00.000Z" as Instant);
/** As the queue does: again and again, each time after the lease of a crashed run has ended. */
const redeliver = async (world: World) => {
  for (let again = 0; again < 4; again++) {
    world.clock.advance(130_000);
    await deliver(world, exfiltrated([NAME])).catch(() => undefined);
  }
};
const types = (world: World) => world.rows.map(({ type }) => type);
const current = (world: World) => world.memory.labels(CI).current ?? FIRST;

/** Contained by replacement: the old version is refused, exactly one current works, the story is told once. */
const judgeReplaced = (world: World) => {
  expect(world.logsIn(FIRST), "the old version still works").toBe(false);
  expect(current(world)).not.toBe(FIRST);
  expect(world.logsIn(current(world)), "the replacement does not work").toBe(true);
  const alive = [...(world.provider.users.get("ci")?.values() ?? [])].filter(({ active }) => active);
  expect(alive, "an orphan lives on").toHaveLength(1);
  expect(types(world).filter((type) => type === "containment.effective")).toHaveLength(1);
  expect(types(world).filter((type) => type === "rotation.succeeded")).toHaveLength(1);
};

describe("an exfiltrated credential", () => {
  it("is refused, replaced and recorded, with the times that matter", async () => {
    const world = await ready();
    const told = await deliver(world, exfiltrated([NAME]));
    expect(told.state).toBe("refused");
    judgeReplaced(world);
    expect(types(world)).toEqual(
      [
        "signal.received",
        "containment.started",
        "containment.effective",
        "rotation.started",
        "rotation.succeeded",
      ].sort((a, b) => types(world).indexOf(a as never) - types(world).indexOf(b as never)),
    );
    expect(world.holds).toEqual([told.incident]);
  });

  it("is contained once, however often and in whatever order the signal comes", async () => {
    const world = await ready();
    await deliver(world, exfiltrated([NAME]));
    const replacement = current(world);
    await deliver(world, exfiltrated([NAME]));
    await deliver(world, exfiltrated([NAME], { id: "falco:other", activityAt: "2026-11-20T08:58:00.000Z" as Instant }));
    expect(current(world)).toBe(replacement);
    judgeReplaced(world);
  });

  it("is contained again when something happens after the first containment", async () => {
    const world = await ready();
    await deliver(world, exfiltrated([NAME]));
    const replacement = current(world);
    world.clock.advance(60_000);
    await deliver(world, exfiltrated([NAME], { id: "guardduty:2", activityAt: world.clock.now() }));
    expect(current(world)).not.toBe(replacement);
    expect(world.logsIn(replacement)).toBe(false);
  });

  it("is contained after a crash at any call, by the next delivery, with one outcome", async () => {
    const probe = faults();
    await deliver(await ready(), exfiltrated([NAME]), probe);
    expect(probe.calls.length).toBeGreaterThan(20);
    const points = probe.calls.flatMap((_, i) =>
      (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode })),
    );
    for (const { at, mode } of points) {
      const world = await ready();
      await deliver(world, exfiltrated([NAME]), faults(at, mode)).catch(() => undefined);
      await redeliver(world);
      for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
      judgeReplaced(world);
    }
  });
});

describe("an incident whose run died", () => {
  it("is finished by the next signal about the same activity, and nothing is contained twice", async () => {
    const probe = faults();
    await deliver(await ready(), exfiltrated([NAME]), probe);
    const other = exfiltrated([NAME], { id: "falco:other", activityAt: "2026-11-20T08:58:00.000Z" as Instant });
    const points = probe.calls.flatMap((_, i) =>
      (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode })),
    );
    for (const { at, mode } of points) {
      const world = await ready();
      await deliver(world, exfiltrated([NAME]), faults(at, mode)).catch(() => undefined);
      world.clock.advance(130_000);
      await deliver(world, other).catch(() => undefined);
      world.clock.advance(130_000);
      await deliver(world, exfiltrated([NAME])).catch(() => undefined);
      await deliver(world, other);
      for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
      judgeReplaced(world);
    }
  });
});

describe("a compromised workload", () => {
  const compromised = exfiltrated(["workload:ci"], {
    scenario: "compromised",
    type: "Execution:Runtime/ReverseShell",
    severity: 80,
  });
  it("loses every version and is given nothing fresh", async () => {
    const world = await ready();
    expect((await deliver(world, compromised)).state).toBe("refused");
    expect(current(world)).toBe(FIRST);
    expect(world.logsIn(FIRST)).toBe(false);
    expect(types(world)).not.toContain("rotation.started");
  });
  it("gets back exactly what it had by restore, and a hold that is due leaves it alone", async () => {
    const world = await ready();
    const { incident = "" } = await deliver(world, compromised);
    const { respond: open } = world.wired();
    expect(await restoreIncident(open(), incident, ALICE)).toEqual({ incident, restored: [FIRST] });
    expect(await holdIncident(open(), incident)).toBe("skipped");
    await restoreIncident(open(), incident, ALICE);
    expect(world.logsIn(FIRST)).toBe(true);
    expect(types(world).filter((type) => type === "containment.restored")).toHaveLength(1);
  });
});

describe("a signal of another account", () => {
  it("reaches no credential of ours, even by a name that says no account", async () => {
    const world = await ready();
    const over = { account: "999988887777", scenario: "compromised" } as const;
    const { state } = await deliver(world, exfiltrated(["workload:ci"], over));
    expect(state).toBe("ignored");
    expect(world.logsIn(FIRST)).toBe(true);
  });
});

describe("restoring one incident", () => {
  const later = async (world: World) => {
    world.clock.advance(60_000);
    const over = { id: "guardduty:later", scenario: "compromised", activityAt: world.clock.now() } as const;
    return deliver(world, exfiltrated(["workload:ci"], over));
  };
  it("does not let in what another incident has revoked", async () => {
    const world = await ready();
    await deliver(world, exfiltrated([NAME]));
    const { incident = "" } = await later(world);
    const { restored } = await restoreIncident(world.wired().respond(), incident, ALICE);
    expect(restored).toEqual([current(world)]);
    expect(world.logsIn(current(world))).toBe(true);
    expect(world.logsIn(FIRST), "the leaked version works again").toBe(false);
  });
  it("that failed is not called restored", async () => {
    const world = await ready();
    const { incident = "" } = await later(world);
    const opened = world.wired().respond();
    const network = { call: () => Promise.reject(new Error("target away")) };
    const holds = world.holds.length;
    await expect(restoreIncident({ ...opened, network }, incident, ALICE)).rejects.toThrow("target away");
    expect((await world.incidents.get(incident))?.state).toBe("refused");
    expect(world.holds.length, "a hold that came meanwhile is asked for again").toBe(holds + 1);
  });
});

describe("holding", () => {
  it("comes again for an incident whose last call has not yet said that it is done", async () => {
    const world = await ready();
    const { incident = "" } = await deliver(world, exfiltrated([NAME]));
    await world.incidents.move(incident, ["refused"], "claimed", {});
    expect(await holdIncident(world.wired().respond(), incident)).toBe("again");
  });
  it("makes the incident contained when all stayed refused", async () => {
    const world = await ready();
    const { incident = "" } = await deliver(world, exfiltrated([NAME]));
    expect((await world.incidents.get(incident))?.state).toBe("refused");
    expect(await holdIncident(world.wired().respond(), incident)).toBe("contained");
    expect((await world.incidents.get(incident))?.state).toBe("contained");
  });
  it("revokes again what an adversary brought back, says so, and looks again", async () => {
    const world = await ready();
    const { incident = "" } = await deliver(world, exfiltrated([NAME]));
    const first = world.provider.users.get("ci")?.get("first-key-of-ci");
    if (first) first.active = true;
    expect(await holdIncident(world.wired().respond(), incident)).toBe("again");
    expect(world.logsIn(FIRST)).toBe(false);
    expect(await holdIncident(world.wired().respond(), incident)).toBe("contained");
    const held = world.rows.filter(({ type }) => type === "containment.held").map(({ data }) => data);
    expect(held).toMatchObject([{ reasserts: 1 }, { reasserts: 0 }]);
  });
});

describe("contain first", () => {
  it("no ledger delays or stops a kill: its events are spooled", async () => {
    const world = await ready();
    const { respond: open } = world.wired();
    const deaf = { appendBatch: () => Promise.reject(new Error("down")) };
    const { openRecorder } = await import("../../lib/engine/record.ts");
    const recorder = openRecorder({
      ledger: deaf,
      spool: { put: async (event) => void world.spooled.push(event) },
      clock: world.clock,
      complain: () => undefined,
    });
    const told = await answer({ ...open(), recorder }, exfiltrated([NAME]), PLAYBOOK, world.clock.now());
    expect(told.state).toBe("refused");
    expect(world.logsIn(FIRST)).toBe(false);
    expect(world.spooled.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["signal.received", "containment.started", "containment.effective"]),
    );
  });
  it("a failed replacement does not bring the old version back, and the delivery comes again", async () => {
    const world = await ready();
    const { respond: open } = world.wired();
    const opened = open();
    const network: typeof opened.network = {
      call: (network, command) => {
        if (command.verb === "rotate") throw new Error("target away");
        return opened.network.call(network, command);
      },
    };
    const first = answer({ ...opened, network }, exfiltrated([NAME]), PLAYBOOK, world.clock.now());
    await expect(first).rejects.toBeInstanceOf(Unfinished);
    expect(world.logsIn(FIRST)).toBe(false);
    await deliver(world, exfiltrated([NAME]));
    judgeReplaced(world);
  });
});

describe("what must not act", () => {
  const cases: readonly [string, Partial<Signal>, string][] = [
    ["a sample", { inert: "sample" }, "sample"],
    ["a replay", { inert: "replay" }, "replay"],
    ["what outsiders can provoke", { inert: "provokable" }, "provokable"],
    ["low severity", { severity: 1 }, "record"],
    ["a name that nobody knows", { subjects: ["aws-key:AKIAUNKNOWN"] }, "no credential"],
  ];
  it.each(cases)("%s: recorded, with the reason", async (_, over, reason) => {
    const world = await ready();
    const told = await deliver(world, exfiltrated([NAME], over));
    expect(told).toMatchObject({ state: "ignored", reason: expect.stringContaining(reason) });
    expect(world.logsIn(FIRST)).toBe(true);
    expect(types(world)).toEqual(["signal.received", "signal.ignored"]);
  });
  it("a protected credential by a playbook; a person still may", async () => {
    const world = await ready();
    const [found] = await world.inventory.list();
    if (found) await world.inventory.put({ ...found, protected: true });
    expect(await deliver(world, exfiltrated([NAME]))).toMatchObject({ state: "ignored" });
    const order = Order.parse({
      order: "contain",
      id: "1",
      credential: CI,
      scenario: "exfiltrated",
      reason: "seen in a paste",
      dryRun: false,
      actor: ALICE,
    });
    if (order.order === "contain")
      expect(await manual(world.wired().respond(), order)).toMatchObject({ state: "refused" });
    judgeReplaced(world);
  });
  it("a dry run: the plan of the real run, and nothing written", async () => {
    const world = await ready();
    const order = {
      order: "contain",
      id: "1",
      credential: CI,
      scenario: "exfiltrated",
      reason: "",
      dryRun: true,
      actor: ALICE,
    } as const;
    const plan = await manual(world.wired().respond(), order);
    expect(plan).toMatchObject({ dryRun: true, plans: [{ credential: CI, wouldRevoke: [FIRST], wouldRotate: true }] });
    expect(world.logsIn(FIRST)).toBe(true);
    expect(world.rows).toEqual([]);
    expect(await world.incidents.recent(9)).toEqual([]);
  });
  it("what no source accepts: kept, recorded and answered with the reason", async () => {
    const world = await ready();
    const told = await respond(world.wired().respond(), { id: "m-1", body: "{", receivedAt: world.clock.now() });
    expect(told).toMatchObject([{ state: "rejected" }]);
    expect(world.rejected).toEqual(["m-1"]);
    expect(types(world)).toEqual(["signal.rejected"]);
  });
});
