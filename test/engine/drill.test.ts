import { describe, expect, it } from "vitest";
import { type Canary, type Drilled, isReady } from "../../lib/core/drill.ts";
import { secret } from "../../lib/core/secret.ts";
import type { CredentialId, Identifier } from "../../lib/core/types.ts";
import { type DrillWorld, drill } from "../../lib/engine/drill.ts";
import { answer } from "../../lib/engine/respond.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, memoryWorld, version } from "../support/world.ts";

const NAME: Identifier = "iam-user:111122223333/ci";
const ACTOR = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const ACCOUNT = "111122223333";

/** A canary in the memory world: the demo provider's user `ci`, contained by the code that answers signals. */
const arrange = async ({ answers = true, severity = 95 } = {}) => {
  const world = memoryWorld();
  await world.register([NAME]);
  const keys = () => world.provider.users.get("ci") ?? new Map<string, never>();
  let made = 0;
  let held = "";
  const canary: Canary = {
    clear: async () => keys().clear(),
    async arm() {
      made += 1;
      held = `canary-key-number-${made}`;
      world.provider.users.set("ci", new Map([[held, { active: true, madeBy: "rekey" }]]));
      const id = version(made);
      const before = world.memory.labels(CI).current;
      await world.memory.vault.stage(CI, id, secret({ userName: "ci", key: held }));
      await world.memory.vault.promote(CI, id, before);
      return "AKIACANARY0000000001";
    },
    tries: async () => (world.provider.users.get("ci")?.get(held)?.active ? "works" : "refused"),
  };
  const wired = (f: Faults = faults()): DrillWorld => ({
    canary: f.through("canary", canary),
    credential: CI,
    account: ACCOUNT,
    index: () => f.call("index", async () => undefined),
    send: (detail) =>
      f.call("send", async () => {
        const { id } = detail as { readonly id: string };
        const signal = exfiltrated([NAME], {
          id: `custom:${ACCOUNT}:${id}`,
          type: "Rekey:Drill",
          scenario: "compromised",
          severity,
          activityAt: world.clock.now(),
        });
        if (answers) await answer(world.wired().respond(), signal, { by: "playbook" }, world.clock.now());
      }),
    incidents: world.incidents,
    history: world.history,
    locks: f.through("locks", world.locks),
    ledger: f.through("ledger", world.wired().rotate.ledger),
    clock: world.clock,
  });
  const ask = (id = "drill-1", f?: Faults) => drill(wired(f), { id, withinMs: 30_000, actor: ACTOR });
  const run = async (id?: string, f?: Faults): Promise<Drilled> => {
    const told = await ask(id, f);
    return "underWay" in told ? expect.fail(`${told.underWay} is under way`) : told;
  };
  return { ...world, keys, ask, run, told: () => world.rows.filter(({ type }) => type === "drill.completed") };
};

describe("a drill", () => {
  it("has its canary contained by the way of every signal, tells how fast, and leaves no key", async () => {
    const world = await arrange();
    const told = await world.run();
    expect(told).toMatchObject({
      drill: "drill-1",
      contained: true,
      why: null,
      incident: expect.stringMatching(/^inc-/),
    });
    expect(told.signalToRefusedMs).toBeGreaterThanOrEqual(0);
    expect(told.receivedToRefusedMs).toBeGreaterThanOrEqual(0);
    expect(isReady(told)).toBe(true);
    expect(world.told()).toMatchObject([{ stream: "drills", actor: ACTOR, data: told }]);
    expect(world.keys().size).toBe(0);
    expect((await world.run("drill-2")).contained).toBe(true);
  });

  it("that nothing answers ends, says so, and is no readiness", async () => {
    const world = await arrange({ answers: false });
    const told = await world.run();
    expect(told).toMatchObject({
      contained: false,
      signalToRefusedMs: null,
      why: expect.stringContaining("function respond"),
    });
    expect(isReady(told)).toBe(false);
    expect(world.told()).toHaveLength(1);
    expect(world.keys().size).toBe(0);
  });

  it("that playbooks leave alone says why, as the record has it", async () => {
    const world = await arrange({ severity: 10 });
    expect((await world.run()).why).toMatch(/^nothing was done: playbook record-the-rest/);
  });

  it("does nothing while another is under way, which is told and no failure", async () => {
    const world = await arrange();
    const until = world.clock.after(world.clock.now(), 60_000);
    await world.locks.take(`drill:${ACCOUNT}`, "drill-0" as CredentialId, { now: world.clock.now(), until });
    const before = [...world.keys().keys()];
    expect(await world.ask()).toEqual({ underWay: "drill-0", until });
    expect([world.told(), [...world.keys().keys()]]).toEqual([[], before]);
    world.clock.advance(61_000);
    expect((await world.run()).contained).toBe(true);
  });

  it.each([false, true])(
    "is cleared by the next one, whatever call fails; the process dies of it: %s",
    async (dies) => {
      const probe = faults();
      await (await arrange()).run("drill-1", probe);
      expect(probe.calls.length).toBeGreaterThan(10);
      const modes: readonly Mode[] = ["lost", "done"];
      for (const { at, mode } of probe.calls.flatMap((_, i) => modes.map((mode) => ({ at: i + 1, mode })))) {
        const where = `${mode} at ${at}, ${probe.calls[at - 1]}`;
        const world = await arrange();
        await world.run("drill-1", faults(at, mode, { dies })).catch(() => undefined);
        world.clock.advance(6 * 60_000);
        expect((await world.run("drill-2")).contained, where).toBe(true);
        expect(world.keys().size, where).toBe(0);
        expect(
          world.told().filter(({ id }) => id === "drill-2:completed"),
          where,
        ).toHaveLength(1);
      }
    },
  );
});
