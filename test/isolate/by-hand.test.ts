import { describe, expect, it } from "vitest";
import type { Authority } from "../../lib/core/authority/ruling.ts";
import type { Isolate, IsolateCommand } from "../../lib/core/isolate.ts";
import type { Identifier, Instant } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { foresee } from "../../lib/engine/foresee.ts";
import { obeyIsolate } from "../../lib/engine/isolate.ts";
import { Order } from "../../lib/engine/manual.ts";
import { manualIsolate } from "../../lib/engine/manual-isolate.ts";
import { answer, type RespondWorld } from "../../lib/engine/respond.ts";
import { memoryCompute } from "../../lib/memory/compute.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { exfiltrated, FIRST, memoryWorld } from "../support/world.ts";

const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:reports";
const TASK = "arn:aws:ecs:eu-west-1:111122223333:task/prod/0123456789abcdef0123456789abcdef";
const NOW = "2026-11-20T09:00:00.000Z" as Instant;
const TARGET: Identifier = `function:${FUNCTION}`;

const ready = async () => {
  const world = memoryWorld();
  await world.register([]);
  const compute = memoryCompute();
  compute.functions.set(FUNCTION, 7);
  compute.tasks.set(TASK, "running");
  const open = (f: Faults = faults(), over: Partial<RespondWorld> = {}): RespondWorld => {
    const engine = { compute: f.through("compute", compute.compute), clock: world.clock, refuses: () => undefined };
    const isolate = { call: (command: IsolateCommand) => obeyIsolate(engine, command) } as Isolate;
    return { ...world.wired(f).respond(), isolate: f.through("isolate", isolate), ...over };
  };
  return { ...world, ...compute, open };
};
const order = (target: string, dryRun = false) =>
  Order.parse({ order: "isolate", id: "1", target, reason: "it mines coins", dryRun, actor: ALICE }) as Extract<
    Order,
    { order: "isolate" }
  >;
/** Authority that lets nobody isolate anything. */
const forbidding = (what: string): Authority => ({
  warm: () => undefined,
  rule: async ({ context, targets }) =>
    targets.flatMap(() =>
      (["execute", "propose"] as const).map((action) => ({
        action,
        allowed: !context.actions.includes(what),
        policies: ["p"],
        errors: [],
      })),
    ),
});
const compromised = () =>
  exfiltrated(["workload:ci", TARGET], { scenario: "compromised", type: "Execution:Runtime/ReverseShell" });

describe("by hand", () => {
  it("a dry run tells what undoing would give back and changes nothing; the order isolates; restore gives back", async () => {
    const world = await ready();
    expect(await manualIsolate(world.open(), order(FUNCTION, true))).toMatchObject({
      dryRun: true,
      isolations: [{ target: TARGET, undo: { reserved: 7 } }],
    });
    expect(world.functions.get(FUNCTION)).toBe(7);
    const told = await manualIsolate(world.open(), order(FUNCTION));
    expect(told).toMatchObject({ state: "refused", isolated: [TARGET], credentials: [] });
    expect(world.functions.get(FUNCTION)).toBe(0);
    expect(world.logsIn(FIRST), "no credential was touched").toBe(true);
    world.clock.advance(900_000);
    expect(await holdIncident(world.open(), told.incident ?? "")).toBe("contained");
    expect(await restoreIncident(world.open(), told.incident ?? "", ALICE)).toMatchObject({ released: [TARGET] });
    expect(world.functions.get(FUNCTION)).toBe(7);
  });

  it("stops a task, and refuses what is neither function nor task, what is gone, and where nothing is deployed", async () => {
    const world = await ready();
    expect(await manualIsolate(world.open(), order(TASK))).toMatchObject({ isolated: [`ecs-task:${TASK}`] });
    expect(world.tasks.get(TASK)).toBe("stopped");
    await expect(manualIsolate(world.open(), order("arn:aws:s3:::bucket"))).rejects.toThrow(/neither of a function/);
    await expect(manualIsolate(world.open(), order(`${FUNCTION}-2`, true))).rejects.toThrow(/there is no/);
    expect(await manualIsolate((await ready()).open(), order(`${FUNCTION}-2`))).toMatchObject({ state: "void" });
    const { isolate: _, ...without } = world.open();
    await expect(manualIsolate(without, order(FUNCTION))).rejects.toThrow(/set isolate in the config/);
  });

  it("is refused by authority as anything else is", async () => {
    const world = await ready();
    const told = await manualIsolate(world.open(faults(), { authority: forbidding("isolate") }), order(FUNCTION));
    expect(told).toMatchObject({ state: "ignored", reason: expect.stringContaining("authority lets human") });
    expect(world.functions.get(FUNCTION)).toBe(7);
  });

  it("is done once after a crash at any call, and undone exactly", async () => {
    const probe = faults();
    await manualIsolate((await ready()).open(probe), order(FUNCTION));
    for (const [n, name] of probe.calls.entries()) {
      for (const mode of ["lost", "done"] satisfies Mode[]) {
        const world = await ready();
        await manualIsolate(world.open(faults(n + 1, mode)), order(FUNCTION)).catch(() => undefined);
        world.clock.advance(130_000);
        const told = await manualIsolate(world.open(), order(FUNCTION));
        expect(world.functions.get(FUNCTION), `${name} ${mode}`).toBe(0);
        await restoreIncident(world.open(), told.incident ?? "", ALICE);
        expect(world.functions.get(FUNCTION), `${name} ${mode}`).toBe(7);
      }
    }
  });
});

describe("a playbook's containment", () => {
  it("does not wait for an isolation that authority forbids", async () => {
    const world = await ready();
    const open = world.open(faults(), { authority: forbidding("isolate") });
    const told = await answer(open, compromised(), { by: "playbook" }, NOW);
    expect(told).toMatchObject({ state: "refused", credentials: [expect.anything()] });
    expect(told.isolated).toBeUndefined();
    expect([world.functions.get(FUNCTION), world.logsIn(FIRST)]).toEqual([7, false]);
  });

  it("foreseen, shows what it isolates, or why it would not, and is what then happens", async () => {
    const world = await ready();
    const { isolate: _, ...without } = world.open();
    expect(await foresee({ ...without, rotators: [] }, compromised(), NOW)).toMatchObject({
      isolations: [],
      spared: expect.arrayContaining([{ what: TARGET, why: expect.stringContaining("may isolate") }]),
    });
    const { isolations } = await foresee({ ...world.open(), rotators: [] }, compromised(), NOW);
    expect(world.functions.get(FUNCTION)).toBe(7);
    const told = await answer(world.open(), compromised(), { by: "playbook" }, NOW);
    expect(isolations).toEqual([TARGET]);
    expect(told.isolated).toEqual(isolations);
  });
});
