import { describe, expect, it } from "vitest";
import type { Evidence } from "../../lib/core/attestation.ts";
import { secret } from "../../lib/core/secret.ts";
import type { Identifier, Instant } from "../../lib/core/types.ts";
import { holdIncident, restoreIncident } from "../../lib/engine/after.ts";
import { attestEnded } from "../../lib/engine/attested.ts";
import { inspect } from "../../lib/engine/doctor.ts";
import { manual, Order } from "../../lib/engine/manual.ts";
import { rehearse } from "../../lib/engine/rehearse.ts";
import { answer } from "../../lib/engine/respond.ts";
import { retireDue } from "../../lib/engine/retire.ts";
import { rotateNow, rotationSteps } from "../../lib/engine/rotate.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, exfiltrated, FIRST, memoryWorld, version } from "../support/world.ts";

const WHY = "its provider has no API for it.";
const NAME: Identifier = "api-key:stripe/live";
const ALICE = { kind: "human", principal: "arn:aws:iam::111122223333:user/alice" } as const;
const AGENT = { kind: "agent", principal: "triage" } as const;
const NEXT = version(7);
const TICKET: Evidence = {
  kind: "ticket",
  ref: "OPS-12",
  sha256: null,
  collectedAt: "2026-11-20T09:00:00.000Z" as Instant,
};
const AWAITS = { name: "AwaitingPerson" };

type World = ReturnType<typeof memoryWorld>;
const ready = async (): Promise<World> => {
  const world = memoryWorld({ byPeople: WHY });
  await world.register([NAME]);
  return world;
};
const types = ({ rows }: World) => rows.map(({ type }) => type);
const stage = (world: World, key = "key-that-alice-made") =>
  world.memory.vault.stage(CI, NEXT, secret({ userName: "ci", key }));
const attempt = (world: World, evidence?: readonly Evidence[]) => ({
  ...{ credential: CI, version: version(1), actor: ALICE, signal: world.wired().signal },
  ...(evidence && { evidence }),
});
const replaced = (world: World, f: Faults = faults()) => rotateNow(world.wired(f).rotate, attempt(world, [TICKET]));
const ended = (world: World, { f = faults(), actor = ALICE as typeof ALICE | typeof AGENT, of = FIRST } = {}) => {
  const { rotate, respond } = world.wired(f);
  const { incidents, inventory, retiring, clock } = respond();
  const kinds = rotate.rotators.flatMap((one) => (one.byPeople ? [one.kind] : []));
  const open = { incidents, inventory, retiring, clock, ledger: rotate.ledger, byPeople: kinds };
  return attestEnded(open, { credential: CI, version: of, evidence: [TICKET], actor });
};
const deliver = (world: World, f: Faults = faults()) =>
  answer(world.wired(f).respond(), exfiltrated([NAME]), { by: "playbook" }, "2026-11-20T09:00:00.000Z" as Instant);
const look = async (world: World) => {
  const { rotate, respond } = world.wired();
  const { network, clock } = respond();
  const fence = { look: async () => "same" as const };
  const list = world.retiring;
  return retireDue({ fence, list, consumers: { list: async () => [] }, network, ledger: rotate.ledger, clock }, 100);
};
/** What nobody may say of it without a person's word. */
const UNTRUE = ["containment.effective", "version.retired", "rotation.succeeded"];
const claims = (world: World) => types(world).filter((type) => UNTRUE.includes(type));

describe("a credential that only people replace", () => {
  it("waits for them: no rotation, rehearsal or step of Secrets Manager's changes or records anything", async () => {
    const world = await ready();
    const { rotate, signal } = world.wired();
    await expect(rotateNow(rotate, attempt(world))).rejects.toMatchObject(AWAITS);
    await expect(rehearse(rotate, { verb: "rehearse", credential: CI }, signal)).rejects.toMatchObject(AWAITS);
    world.memory.begin(CI, version(1));
    await expect(rotationSteps(rotate)("createSecret", attempt(world))).rejects.toMatchObject(AWAITS);
    expect(world.memory.labels(CI).current).toBe(FIRST);
    expect(types(world)).toEqual([]);
  });

  it("takes over what a person has staged, on that person's word and evidence", async () => {
    const world = await ready();
    await stage(world);
    expect(await replaced(world)).toMatchObject({ version: NEXT, replaced: FIRST });
    expect(world.memory.labels(CI)).toMatchObject({ current: NEXT, previous: FIRST });
    expect(types(world)).toEqual(["rotation.started", "version.attested", "rotation.succeeded"]);
    expect(world.rows[1]).toMatchObject({
      actor: ALICE,
      data: { version: NEXT, says: "replaced", evidence: [TICKET] },
    });
    expect(await world.retiring.all()).toMatchObject([{ version: FIRST }]);
  });

  it("is not replaced without a staged value, by the same value, or by an agent's word", async () => {
    const world = await ready();
    await expect(replaced(world)).rejects.toThrow(/no value under AWSPENDING.*put-secret-value/);
    await stage(world, "first-key-of-ci");
    await expect(replaced(world)).rejects.toThrow(/the current value again/);
    const { rotate } = world.wired();
    await expect(rotateNow(rotate, { ...attempt(world, [TICKET]), actor: AGENT })).rejects.toThrow(/person's word/);
    expect(world.memory.labels(CI).current).toBe(FIRST);
    expect(claims(world)).toEqual([]);
  });

  it("is replaced once, whatever call dies: the same word repairs it", async () => {
    const probe = faults();
    const first = await ready();
    await stage(first);
    await replaced(first, probe);
    const modes: readonly Mode[] = ["lost", "done"];
    for (const { at, mode } of probe.calls.flatMap((_, i) => modes.map((mode) => ({ at: i + 1, mode })))) {
      const where = `${mode} at ${at}, ${probe.calls[at - 1]}`;
      const world = await ready();
      await stage(world);
      await replaced(world, faults(at, mode)).catch(() => undefined);
      await replaced(world).catch((error) => expect(error.message, where).toMatch(/is current already/));
      expect(world.memory.labels(CI), where).toMatchObject({ current: NEXT, previous: FIRST });
      const told = types(world).filter((type) => type !== "rotation.failed");
      expect(told, where).toEqual(["rotation.started", "version.attested", "rotation.succeeded"]);
      expect(await world.retiring.all(), where).toHaveLength(1);
    }
  });

  it("keeps its replaced version on the must-die list until a person attests its end", async () => {
    const world = await ready();
    await stage(world);
    await replaced(world);
    world.clock.advance(86_400_000);
    expect(await look(world)).toMatchObject([{ outcome: expect.stringMatching(/failed|waits/) }]);
    expect(await world.retiring.all()).toHaveLength(1);
    await expect(ended(world, { actor: AGENT })).rejects.toThrow(/person's word/);
    await ended(world);
    await ended(world);
    expect(await world.retiring.all()).toEqual([]);
    expect(types(world).filter((type) => type === "version.attested")).toHaveLength(2);
    expect(types(world)).not.toContain("version.retired");
  });

  it("has a doctor that knows that people are asked, and takes no staged value for a dead attempt", async () => {
    const world = await ready();
    await stage(world);
    world.clock.advance(86_400_000);
    world.facts.rotation = { function: "arn:aws:lambda:eu-west-1:111122223333:function:rekey-rotate-default" };
    const { doctor, signal } = world.wired();
    const { findings } = await inspect(doctor, { verb: "inspect", credential: CI }, signal);
    const of = (name: string) => findings.find(({ check }) => check === name);
    expect(of("schedule")).toMatchObject({ verdict: "ill", mend: expect.stringContaining("cancel-rotate-secret") });
    expect(of("pending label")).toMatchObject({ verdict: "unknown", mend: expect.stringContaining("rekey attest") });
  });
});

describe("its containment", () => {
  const judge = async (world: World, incident: string, where = "") => {
    expect(
      types(world).filter((type) => type === "containment.asked"),
      where,
    ).toHaveLength(1);
    expect(claims(world), where).toEqual([]);
    expect((await world.incidents.get(incident))?.state, where).toBe("asked");
    expect(
      (await world.retiring.all()).map(({ version: one }) => one),
      where,
    ).toEqual([FIRST]);
  };

  it("asks people and claims nothing, until one attests the end with evidence", async () => {
    const world = await ready();
    const told = await deliver(world);
    const { incident = "" } = told;
    expect(told).toMatchObject({ state: "asked", credentials: [], asked: [CI] });
    await judge(world, incident);
    world.clock.advance(3_600_000);
    await look(world);
    await judge(world, incident);
    expect(await ended(world)).toMatchObject({ incidents: [incident] });
    expect((await world.incidents.get(incident))?.state).toBe("contained");
    expect(world.rows.at(-1)).toMatchObject({
      type: "containment.attested",
      actor: ALICE,
      data: { versions: [FIRST], receivedToAttestedMs: 3_600_000 },
    });
    expect(claims(world)).toEqual([]);
    expect(await world.retiring.all()).toEqual([]);
  });

  const modes: readonly Mode[] = ["lost", "done"];
  const cuts = (calls: readonly string[]) => calls.flatMap((_, i) => modes.map((mode) => ({ at: i + 1, mode })));

  it("is asked for once, whatever call dies", async () => {
    const asking = faults();
    await deliver(await ready(), asking);
    for (const { at, mode } of cuts(asking.calls)) {
      const world = await ready();
      await deliver(world, faults(at, mode)).catch(() => undefined);
      for (let again = 0; again < 3; again++) {
        world.clock.advance(130_000);
        await deliver(world).catch(() => undefined);
      }
      for (const event of world.spooled) await world.wired().rotate.ledger.append(event);
      const [incident] = await world.incidents.recent(1);
      await judge(world, incident?.id ?? "", `${mode} at ${at}, ${asking.calls[at - 1]}`);
    }
  });

  it("is answered once, whatever call dies", async () => {
    const answering = faults();
    const first = await ready();
    await deliver(first);
    await ended(first, { f: answering });
    for (const { at, mode } of cuts(answering.calls)) {
      const where = `${mode} at ${at}, ${answering.calls[at - 1]}`;
      const world = await ready();
      const { incident = "" } = await deliver(world);
      await ended(world, { f: faults(at, mode) }).catch(() => undefined);
      await ended(world);
      expect((await world.incidents.get(incident))?.state, where).toBe("contained");
      expect(
        types(world).filter((type) => type === "containment.attested"),
        where,
      ).toHaveLength(1);
      expect(await world.retiring.all(), where).toEqual([]);
    }
  });

  it("is taken back by a restore: nobody has to end anything any more", async () => {
    const world = await ready();
    const { incident = "" } = await deliver(world);
    await restoreIncident(world.wired().respond(), incident, ALICE);
    expect((await world.incidents.get(incident))?.state).toBe("restored");
    expect(await world.retiring.all()).toEqual([]);
  });

  it("counts what holds beside it as asked, and as contained only with the person's word", async () => {
    const world = await ready();
    const { incident = "" } = await deliver(world);
    // As if a principal of the same incident had been denied: the state that a hold meets.
    await world.incidents.move(incident, ["asked"], "refused", {});
    expect(await holdIncident(world.wired().respond(), incident)).toBe("asked");
    await judge(world, incident);
  });

  it("is said to wait for people by a dry run", async () => {
    const world = await ready();
    const order = { order: "contain", id: "1", credential: CI, scenario: "exfiltrated", reason: "x", actor: ALICE };
    const told = await manual(world.wired().respond(), Order.parse({ ...order, dryRun: true }) as never);
    expect(told).toMatchObject({ plans: [{ wouldRevoke: [], wouldRotate: false, wouldAsk: [FIRST] }] });
    expect(await world.retiring.all()).toEqual([]);
  });
});

it("nobody's word stands in for a try where there is one", async () => {
  const world = memoryWorld();
  await world.register([NAME]);
  await expect(ended(world)).rejects.toThrow(/kind demo, whose versions Rekey tries itself/);
  expect(types(world)).toEqual([]);
});
