// biome-ignore-all lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
import { describe, expect, it } from "vitest";
import type { Places } from "../../lib/core/breaker/places.ts";
import type { Credential } from "../../lib/core/types.ts";
import { answerProposal } from "../../lib/engine/approve.ts";
import { answer } from "../../lib/engine/respond.ts";
import { person } from "../approvals/world.ts";
import { CI, FIRST } from "../support/world.ts";
import { contains, decidingWorld, NAME, nth } from "./world.ts";

const MINUTE = 60_000;
const opened = async (...playbooks: readonly object[]) => {
  const world = await decidingWorld(playbooks.map((rest, i) => contains({ name: `p${i}`, ...rest })));
  await world.register([NAME]);
  return world;
};
const dead: Places = {
  take: async () => {
    throw new Error("the table does not answer");
  },
};
const breaker = (containments: number, per = "target") => ({ breakers: [{ per, containments, withinMinutes: 60 }] });
const keys = (world: Awaited<ReturnType<typeof opened>>) => [...(world.provider.users.get("ci")?.keys() ?? [])];

describe("a playbook that proposes", () => {
  it("changes nothing until a person approves; then it is contained", async () => {
    const world = await opened({ then: "propose", approval: { expiresMinutes: 30, onExpiry: "nothing" } });
    const before = keys(world);
    const told = await world.receive(nth(1));
    expect(told).toMatchObject({ state: "proposed", reason: "playbook p0 asks people first" });
    expect(keys(world)).toEqual(before);
    expect(world.types()).toContain("approval.requested");
    expect(world.types()).not.toContain("containment.started");
    expect(await world.receive(nth(1))).toMatchObject({ state: "proposed", incident: told.incident });
    const { id, hash } = (await world.proposals.get(told.incident ?? "")) ?? { id: "", hash: "" };
    const word = { say: "approve", actor: person("ann"), at: world.clock.now(), hash } as const;
    await answerProposal(world.open(), id, word);
    expect(world.types()).toContain("containment.effective");
    expect(world.logsIn(FIRST)).toBe(false);
  });
  it("asks two people for what is protected, which no playbook contains", async () => {
    const world = await opened({ then: "propose" });
    const [ci] = await world.inventory.list();
    await world.inventory.put({ ...(ci as Credential), protected: true });
    const told = await world.receive(nth(1));
    expect(await world.proposals.get(told.incident ?? "")).toMatchObject({ needs: 2 });
    const acting = await world.receive(nth(2), { playbooks: [contains()] });
    expect(acting).toMatchObject({ state: "ignored", reason: expect.stringMatching(/protected/) });
  });
});

it("a playbook that notifies tells people once, and touches nothing", async () => {
  const world = await opened({ then: "notify", plan: [] });
  const before = keys(world);
  expect(await world.receive(nth(1))).toMatchObject({
    state: "ignored",
    reason: expect.stringMatching(/only tells people/),
  });
  await world.receive(nth(1));
  expect(world.moments()).toEqual(["noticed"]);
  expect(keys(world)).toEqual(before);
});

it("holds for as long as the playbook says", async () => {
  const world = await opened({ holdMinutes: 10 });
  const waits: number[] = [];
  await world.receive(nth(1), { holdLater: async (_, ms) => void waits.push(ms) });
  expect(waits).toEqual([10 * MINUTE]);
});

describe("a breaker", () => {
  it("lets so many through, and has people asked about the next", async () => {
    const world = await opened(breaker(2));
    for (const n of [1, 2]) {
      world.clock.advance(MINUTE);
      expect(await world.receive(nth(n))).toMatchObject({ state: "refused" });
    }
    world.clock.advance(MINUTE);
    const told = await world.receive(nth(3));
    expect(told).toMatchObject({
      state: "proposed",
      reason: expect.stringMatching(/breaker of playbook p0 is open: 2 containments of target/),
    });
    world.clock.advance(60 * MINUTE);
    expect(await world.receive(nth(4, 64))).toMatchObject({ state: "refused" });
  });
  it("counts a redelivery once", async () => {
    const world = await opened(breaker(1, "account"));
    for (let n = 0; n < 3; n++) expect((await world.receive(nth(1))).state).not.toBe("proposed");
  });
  it("that cannot be asked has people asked, and raises an alarm", async () => {
    const world = await opened(breaker(9, "playbook"));
    const told = await world.receive(nth(1), { places: dead });
    expect(told).toMatchObject({ state: "proposed", reason: expect.stringMatching(/could not be asked/) });
    expect(world.alarms).toEqual([expect.stringMatching(/does not answer/)]);
    expect(world.types()).not.toContain("containment.started");
  });
  it("without a store is as one that cannot be asked", async () => {
    const world = await opened(breaker(9));
    const { places: _, ...without } = world.open();
    const told = await answer(without, nth(1), { by: "playbook" }, world.clock.now());
    expect(told.state).toBe("proposed");
  });
  it("where nobody can be asked, is recorded and nothing is done", async () => {
    const world = await opened(breaker(9));
    const { approvals: _, ...without } = world.open({ places: dead });
    const told = await answer(without, nth(1), { by: "playbook" }, world.clock.now());
    expect(told).toMatchObject({ state: "ignored", reason: expect.stringMatching(/could not be asked/) });
    expect(world.types()).toContain("signal.ignored");
  });
  it("does not stop half way what it has let begin", async () => {
    const world = await opened(breaker(1));
    const failing = { call: async () => Promise.reject(new Error("unreachable")) };
    await expect(world.receive(nth(1), { network: failing as never })).rejects.toThrow();
    world.clock.advance(10 * MINUTE);
    expect(await world.receive(nth(1), { places: dead })).toMatchObject({ state: "refused" });
  });
});

describe("a quorum", () => {
  const two = { when: { scenario: "exfiltrated", quorum: { signals: 2, withinMinutes: 30 } } };
  const rest = { when: {}, then: "record", plan: [] };
  it("is reached by different signals about one credential, not by one that is repeated", async () => {
    const world = await opened(two, rest);
    expect(await world.receive(nth(1))).toMatchObject({
      state: "ignored",
      reason: expect.stringMatching(/p1 only records/),
    });
    expect(await world.receive(nth(1))).toMatchObject({ state: "ignored" });
    world.clock.advance(5 * MINUTE);
    expect(await world.receive(nth(2))).toMatchObject({ state: "refused" });
  });
  it("is not reached by what came too long ago, nor by samples", async () => {
    const world = await opened(two, rest);
    await world.receive({ ...nth(7), inert: "sample" });
    expect(await world.receive(nth(1))).toMatchObject({ state: "ignored" });
    world.clock.advance(31 * MINUTE);
    expect(await world.receive(nth(2, 31))).toMatchObject({ state: "ignored" });
  });
  it("that cannot be counted has people asked, even where the next playbook would act", async () => {
    const world = await opened(two, {});
    expect(await world.receive(nth(1), { places: dead })).toMatchObject({
      state: "proposed",
      reason: expect.stringMatching(/quorum/),
    });
    expect(world.alarms.length).toBe(1);
  });
});

describe("a limit on the blast radius", () => {
  const labelled = async (labels: Partial<Credential>) => {
    const world = await opened({ maxBlast: 40 });
    const [ci] = await world.inventory.list();
    await world.inventory.put({ ...(ci as Credential), ...labels });
    return world.receive(nth(1));
  };
  it("contains what is known to be small", async () => {
    expect(await labelled({ privilege: "low", dataClass: "internal" })).toMatchObject({ state: "refused" });
  });
  it("has people asked about what is wide, and about what nobody knows", async () => {
    expect(await labelled({ privilege: "admin", dataClass: "restricted" })).toMatchObject({ state: "proposed" });
    expect(await labelled({})).toMatchObject({
      state: "proposed",
      reason: expect.stringMatching(/unknown: privilege, data/),
    });
  });
});

it("is of the credential that was asked about", async () => {
  const world = await opened({ then: "propose" });
  const { incident } = await world.receive(nth(1));
  const kept = await world.proposals.get(incident ?? "");
  expect(kept?.incident.plans.map(({ credential }) => credential)).toEqual([CI]);
});
