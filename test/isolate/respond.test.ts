import { describe, expect, it } from "vitest";
import type { Isolate } from "../../lib/core/isolate.ts";
import type { Identifier, Instant, Signal } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { obeyIsolate } from "../../lib/engine/isolate.ts";
import { answer, type RespondWorld } from "../../lib/engine/respond.ts";
import { memoryCompute } from "../../lib/memory/compute.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { exfiltrated, FIRST, memoryWorld } from "../support/world.ts";

const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:reports";
const TASK = "arn:aws:ecs:eu-west-1:111122223333:task/prod/0123456789abcdef0123456789abcdef";
const TARGETS: readonly Identifier[] = [`function:${FUNCTION}`, `ecs-task:${TASK}`];
const HOLD_MS = 10_000;

const ready = async (reserved: number | null = 7) => {
  const world = memoryWorld();
  await world.register([]);
  const compute = memoryCompute();
  compute.functions.set(FUNCTION, reserved);
  compute.tasks.set(TASK, "running");
  const refusing: { why?: string } = {};
  const wired = (f: Faults = faults()): RespondWorld => {
    const engine = { compute: f.through("compute", compute.compute), clock: world.clock, refuses: () => refusing.why };
    const port = { call: (command: Parameters<typeof obeyIsolate>[1]) => obeyIsolate(engine, command) };
    return { ...world.wired(f).respond(), isolate: f.through("isolate", port) as Isolate };
  };
  const deliver = (over: Partial<Signal> = {}, f?: Faults) => {
    const type = "Execution:Runtime/ReverseShell";
    const signal = exfiltrated(["workload:ci", ...TARGETS], { scenario: "compromised", type, ...over });
    return answer(wired(f), signal, { by: "playbook" }, "2026-11-20T09:00:00.000Z" as Instant);
  };
  const hold = (incident: string) => {
    world.clock.advance(HOLD_MS);
    return holdIncident(wired(), incident);
  };
  const of = (type: string) => world.rows.filter((row) => row.type === type);
  return { ...world, ...compute, refusing, wired, deliver, hold, of };
};

describe("a compromised function and task", () => {
  it("are isolated after the credentials are refused, held, and given back exactly", async () => {
    const world = await ready();
    const probe = faults();
    const told = await world.deliver({}, probe);
    expect(told).toMatchObject({ state: "refused", isolated: TARGETS });
    const order = probe.calls.filter((call) => /^network.call|^isolate.call/.test(call));
    expect(order[0], "contain first").toBe("network.call");
    expect(world.functions.get(FUNCTION)).toBe(0);
    expect(world.logsIn(FIRST)).toBe(false);
    expect(world.of("containment.isolated")).toHaveLength(2);
    const { incident = "" } = told;
    expect(await world.hold(incident)).toBe("contained");
    expect(world.tasks.get(TASK)).toBe("stopped");
    const restored = await restoreIncident(world.wired(), incident, ALICE);
    expect(restored).toMatchObject({ released: TARGETS });
    expect(world.functions.get(FUNCTION)).toBe(7);
    expect(world.tasks.get(TASK), "a task does not start again").toBe("stopped");
  });

  it("freed by somebody is isolated again and counted, before it counts as contained", async () => {
    const world = await ready(null);
    const { incident = "" } = await world.deliver();
    world.functions.set(FUNCTION, null);
    expect(await world.hold(incident)).toBe("again");
    expect(world.functions.get(FUNCTION)).toBe(0);
    expect(await world.hold(incident)).toBe("contained");
    const [reasserted] = world.of("containment.isolated").slice(-1);
    expect(reasserted).toMatchObject({ stream: TARGETS[0], data: { reasserts: 1 } });
    await restoreIncident(world.wired(), incident, ALICE);
    expect(world.functions.get(FUNCTION)).toBeNull();
  });

  it("that may not be isolated do not keep its credentials from dying, and the reason is told", async () => {
    const world = await ready();
    world.refusing.why = "no pattern names it";
    expect(await world.deliver()).toMatchObject({ state: "refused", reason: "no pattern names it" });
    expect(world.functions.get(FUNCTION)).toBe(7);
    expect(world.logsIn(FIRST)).toBe(false);
    expect(world.of("containment.failed")).toHaveLength(2);
  });

  it("are left alone where only a credential was stolen, in another account, and where nothing is configured", async () => {
    const world = await ready();
    await world.deliver({ scenario: "exfiltrated" });
    const elsewhere: Identifier = "function:arn:aws:lambda:eu-west-1:999999999999:function:reports";
    world.functions.set(elsewhere.slice("function:".length), 5);
    await world.deliver({ id: "two", subjects: ["workload:ci", elsewhere] });
    const { isolate: _, ...without } = world.wired();
    const signal = exfiltrated(["workload:ci", ...TARGETS], { id: "three", scenario: "compromised" });
    await answer(without, signal, { by: "playbook" }, world.clock.now());
    expect([...world.functions.values(), ...world.tasks.values()]).toEqual([7, 5, "running"]);
  });

  it.each(["first", "second"] as const)(
    "of two incidents are free once both are undone, the %s one first",
    async (which) => {
      const world = await ready();
      const one = await world.deliver();
      world.clock.advance(60_000);
      const activityAt = world.clock.now();
      const two = await world.deliver({ id: "two", activityAt });
      const [now, then] = which === "first" ? [one, two] : [two, one];
      await restoreIncident(world.wired(), now.incident ?? "", ALICE);
      expect(world.functions.get(FUNCTION), "another incident has it isolated still").toBe(0);
      await restoreIncident(world.wired(), then.incident ?? "", ALICE);
      expect(world.functions.get(FUNCTION)).toBe(7);
      expect(world.of("containment.isolation_lifted").map(({ data }) => data)).toContainEqual(
        expect.objectContaining({ target: TARGETS[0], keptFor: then.incident }),
      );
    },
  );

  it("are isolated once after a crash at any call, and undone exactly", async () => {
    const probe = faults();
    await (await ready()).deliver({}, probe);
    const points = probe.calls.flatMap((name, i) =>
      (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode, name })),
    );
    expect(probe.calls.filter((call) => call.startsWith("compute."))).not.toEqual([]);
    for (const { at, mode, name } of points) {
      const world = await ready();
      await world.deliver({}, faults(at, mode)).catch(() => undefined);
      for (let again = 0; again < 4; again++) {
        world.clock.advance(130_000);
        await world.deliver().catch(() => undefined);
      }
      expect(world.functions.get(FUNCTION), `${name} ${mode}`).toBe(0);
      expect(world.tasks.get(TASK), `${name} ${mode}`).not.toBe("running");
      for (const event of world.spooled) await world.wired().recorder.add(event);
      const [only] = await world.incidents.recent(9);
      await restoreIncident(world.wired(), only?.id ?? "", ALICE);
      expect(world.of("containment.isolated"), `${name} ${mode}`).toHaveLength(2);
      expect(world.functions.get(FUNCTION), `${name} ${mode}`).toBe(7);
    }
  });
});
