import { describe, expect, it } from "vitest";
import { Conflict } from "../../lib/core/errors.ts";
import type { Identifier } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { manual, Order } from "../../lib/engine/manual.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, FIRST, memoryWorld } from "../support/world.ts";

const NAME: Identifier = "iam-user:111122223333/ci";
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const ORDER = {
  order: "contain",
  id: "1",
  credential: CI,
  scenario: "exfiltrated",
  narrow: true,
  reason: "reads more than it should",
  dryRun: false,
  actor: ALICE,
};

const arrange = async (reader = false) => {
  const world = memoryWorld();
  await world.register([NAME]);
  if (reader) world.provider.readers.add("ci");
  const obey = (over: object = {}, f: Faults = faults()) => {
    const order = Order.parse({ ...ORDER, ...over });
    if (order.order !== "contain") throw new Error("no such order");
    return manual(world.wired(f).respond(), order);
  };
  const isReader = () => world.provider.readers.has("ci");
  const types = () => world.rows.map(({ type }) => type);
  return { world, obey, isReader, types };
};

describe("a credential made narrower", () => {
  it("goes on working, is recorded once, holds, and is taken back exactly", async () => {
    const { world, obey, isReader, types } = await arrange();
    const told = await obey();
    expect(told).toMatchObject({ state: "refused", credentials: [CI] });
    expect(isReader()).toBe(true);
    expect(world.logsIn(FIRST)).toBe(true);
    expect(types()).toEqual(["signal.received", "containment.started", "containment.narrowed"]);
    const { incident = "" } = told as { incident?: string };
    expect(await holdIncident(world.wired().respond(), incident)).toBe("contained");
    await restoreIncident(world.wired().respond(), incident, ALICE);
    await restoreIncident(world.wired().respond(), incident, ALICE);
    expect(isReader()).toBe(false);
    expect(types().filter((type) => type === "containment.restored")).toHaveLength(1);
  });

  it("that was narrow before stays so when the incident is restored", async () => {
    const { world, obey, isReader } = await arrange(true);
    const { incident = "" } = (await obey()) as { incident?: string };
    await restoreIncident(world.wired().respond(), incident, ALICE);
    expect(isReader()).toBe(true);
  });

  it("is still revoked by a stronger signal about the same activity", async () => {
    const { world, obey } = await arrange();
    await obey();
    await obey({ id: "2", narrow: false });
    expect(world.logsIn(FIRST)).toBe(false);
  });

  it("is looked at by a dry run and left as it is", async () => {
    const { obey, isReader, types } = await arrange();
    expect(await obey({ dryRun: true })).toMatchObject({ plans: [{ wouldNarrow: true, wouldRotate: false }] });
    expect(isReader()).toBe(false);
    expect(types()).toEqual([]);
  });

  it("is narrowed once and taken back exactly after a crash at any call", async () => {
    const probe = faults();
    await (await arrange()).obey({}, probe);
    expect(probe.calls.length).toBeGreaterThan(8);
    const points = probe.calls.flatMap((_, i) =>
      (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode })),
    );
    for (const { at, mode } of points) {
      const { world, obey, isReader, types } = await arrange();
      await obey({}, faults(at, mode)).catch(() => undefined);
      for (let again = 0; again < 3; again++) {
        world.clock.advance(130_000);
        await obey().catch(() => undefined);
      }
      for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
      expect(isReader(), `${at} ${mode}`).toBe(true);
      expect(types().filter((type) => type === "containment.narrowed")).toHaveLength(1);
      const [incident] = await world.incidents.recent(1);
      await restoreIncident(world.wired().respond(), incident?.id ?? "", ALICE);
      expect(isReader(), `${at} ${mode}: not taken back`).toBe(false);
    }
  });

  it("that cannot be is said, recorded, and does not come again and again", async () => {
    const { world, types } = await arrange();
    const opened = world.wired().respond();
    const network: typeof opened.network = {
      call: (network, command) => {
        if (command.verb !== "rescope") return opened.network.call(network, command);
        return Promise.resolve({ unable: "its kind cannot be made narrower" } as never);
      },
    };
    const order = Order.parse(ORDER);
    if (order.order !== "contain") throw new Error("no such order");
    const told = await manual({ ...opened, network }, order);
    expect(told).toMatchObject({ state: "void", reason: expect.stringContaining("cannot be made narrower") });
    expect(types()).toContain("containment.failed");
    const { incident = "" } = told as { incident?: string };
    await expect(restoreIncident(opened, incident, ALICE)).rejects.toBeInstanceOf(Conflict);
  });

  it("is what a playbook may ask for, alone in its plan", async () => {
    const { world, isReader } = await arrange();
    const { parsePlaybooks } = await import("../../lib/core/playbook.ts");
    const { answer } = await import("../../lib/engine/respond.ts");
    const weak = (plan: string): object =>
      JSON.parse(
        `{"name":"weak-sign","description":"A weak sign.","when":{},"then":"contain","plan":${plan},"maxCredentials":5,"reason":"weak"}`,
      );
    const playbooks = parsePlaybooks({ playbooks: [weak('["rescope"]')] });
    const told = await answer(
      { ...world.wired().respond(), playbooks },
      exfiltrated([NAME]),
      { by: "playbook" },
      world.clock.now(),
    );
    expect(told.state).toBe("refused");
    expect(isReader()).toBe(true);
    expect(() => parsePlaybooks({ playbooks: [weak('["revoke","rescope"]')] })).toThrow(/rescopes/);
  });
});
