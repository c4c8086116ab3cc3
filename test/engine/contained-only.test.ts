import { describe, expect, it } from "vitest";
import type { Identifier, Instant } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { inspect } from "../../lib/engine/doctor.ts";
import { manual, Order } from "../../lib/engine/manual.ts";
import { rehearse } from "../../lib/engine/rehearse.ts";
import { answer } from "../../lib/engine/respond.ts";
import { rotateNow } from "../../lib/engine/rotate.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, FIRST, memoryWorld, version } from "../support/world.ts";

const NAME: Identifier = "iam-user:111122223333/ci";
const WHY = "it holds nothing that could be replaced.";
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;

type World = ReturnType<typeof memoryWorld>;
const ready = async (making: Parameters<typeof memoryWorld>[0] = { containedOnly: WHY }): Promise<World> => {
  const world = memoryWorld(making);
  await world.register([NAME]);
  return world;
};
const deliver = (world: World, f: Faults = faults()) =>
  answer(world.wired(f).respond(), exfiltrated([NAME]), { by: "playbook" }, "2026-11-20T09:00:00.000Z" as Instant);
const types = (world: World) => world.rows.map(({ type }) => type);

const judge = (world: World) => {
  expect(world.logsIn(FIRST)).toBe(false);
  expect(world.memory.labels(CI)).toEqual({ current: FIRST });
  expect(types(world)).not.toContain("rotation.started");
  expect(types(world).filter((type) => type === "containment.effective")).toHaveLength(1);
};

describe("a credential of a kind that is contained and never rotated", () => {
  it.each([
    ["of its kind", { containedOnly: WHY }],
    ["of its provider, which only its revoke tells", { ofThisOne: WHY }],
  ])("is contained by a playbook that would replace it, then held and restored: %s", async (_, making) => {
    const world = await ready(making);
    const { state, incident = "" } = await deliver(world);
    expect(state).toBe("refused");
    judge(world);
    expect(world.holds).toEqual([incident]);
    expect(world.rows.find(({ type }) => type === "containment.effective")?.data).toMatchObject({ replacement: null });
    const open = world.wired().respond();
    expect(await holdIncident(open, incident)).toBe("contained");
    await restoreIncident(open, incident, ALICE);
    expect(world.logsIn(FIRST)).toBe(true);
  });

  it("is contained after a crash at any call, by the next delivery", async () => {
    const probe = faults();
    await deliver(await ready(), probe);
    const modes: readonly Mode[] = ["lost", "done"];
    for (const { at, mode } of probe.calls.flatMap((_, i) => modes.map((mode) => ({ at: i + 1, mode })))) {
      const world = await ready();
      await deliver(world, faults(at, mode)).catch(() => undefined);
      for (let again = 0; again < 3; again++) {
        world.clock.advance(130_000);
        await deliver(world).catch(() => undefined);
      }
      for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
      judge(world);
    }
  });

  it("is said not to be replaced by a dry run of its containment", async () => {
    const world = await ready();
    const order = {
      order: "contain",
      id: "order-1",
      credential: CI,
      scenario: "exfiltrated",
      reason: "test",
      actor: ALICE,
      dryRun: true,
    };
    const told = await manual(world.wired().respond(), Order.parse(order) as never);
    expect(told).toMatchObject({ plans: [{ wouldRevoke: [FIRST], wouldRotate: false }] });
  });

  it("is not rotated: the attempt and its rehearsal say why, and change nothing", async () => {
    const world = await ready();
    const { rotate, signal } = world.wired();
    const attempt = { credential: CI, version: version(1), actor: ALICE, signal };
    const why = /contained and never rotated: it holds nothing.*rekey contain/;
    await expect(rotateNow(rotate, attempt)).rejects.toThrow(why);
    await expect(rehearse(rotate, { verb: "rehearse", credential: CI }, signal)).rejects.toThrow(why);
    expect(world.memory.labels(CI)).toEqual({ current: FIRST });
    expect(types(world)).toEqual(["rotation.started", "rotation.failed"]);
    expect(world.logsIn(FIRST)).toBe(true);
  });

  it("is well without a schedule and ill with one, and no mend of a refused one is to rotate it", async () => {
    const world = await ready();
    const about = async () => {
      const { doctor, signal } = world.wired();
      const { findings, repair } = await inspect(doctor, { verb: "inspect", credential: CI }, signal);
      return { schedule: findings.find(({ check }) => check === "schedule"), repair };
    };
    expect((await about()).schedule).toMatchObject({ verdict: "well" });
    world.facts.rotation = { function: "arn:aws:lambda:eu-west-1:111122223333:function:rekey-rotate-default" };
    expect((await about()).schedule).toMatchObject({
      verdict: "ill",
      mend: expect.stringContaining("cancel-rotate-secret"),
    });
    await deliver(world);
    expect((await about()).repair).toMatchObject({ do: "refuse", mend: expect.not.stringMatching(/rotate/i) });
  });
});
