// biome-ignore-all lint/suspicious/noThenProperty: a word in a file that people write; nothing awaits it
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cedarAuthority } from "../../lib/authority/cedar.ts";
import { readPolicies } from "../../lib/authority/files.ts";
import type { Authority } from "../../lib/core/authority/ruling.ts";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import type { Credential } from "../../lib/core/types.ts";
import { answerProposal } from "../../lib/engine/approve.ts";
import { foresee } from "../../lib/engine/foresee.ts";
import { manual, Order } from "../../lib/engine/manual.ts";
import type { Answer } from "../../lib/engine/respond.ts";
import { person } from "../approvals/world.ts";
import { CI, FIRST } from "../support/world.ts";
import { contains, decidingWorld, NAME, nth } from "./world.ts";

const root = join(import.meta.dirname, "../..");
const cedar = (...names: readonly string[]) =>
  cedarAuthority(async () => readPolicies(names.map((name) => join(root, "authority", `${name}.cedar`))));
const shipped = cedar("default");
const two = cedar("default", "two-person");
const dead: Authority = {
  warm: () => undefined,
  rule: async () => {
    throw new Error("no Cedar here");
  },
};

const opened = async (labels: Partial<Credential> = {}, rest: object = {}) => {
  const world = await decidingWorld([contains(rest)]);
  await world.register([NAME]);
  const [ci] = await world.inventory.list();
  await world.inventory.put({ ...(ci as Credential), ...labels });
  return world;
};
type World = Awaited<ReturnType<typeof opened>>;
const order = (world: World, authority: Authority, rest: object = {}) => {
  const actor = person("ann");
  const given = {
    order: "contain",
    id: "1",
    credential: CI,
    scenario: "exfiltrated",
    reason: "r",
    dryRun: false,
    actor,
  };
  const parsed = Order.parse({ ...given, ...rest });
  if (parsed.order !== "contain") throw new Error("not a containment");
  return manual(world.open({ authority }), parsed) as Promise<Answer>;
};
const begun = ({ rows }: World) =>
  rows.find(
    (row): row is Extract<LifecycleEvent, { type: "containment.started" }> => row.type === "containment.started",
  );

describe("a playbook", () => {
  it("contains what authority lets it; what decided is recorded", async () => {
    const world = await opened();
    expect(await world.receive(nth(1), { authority: shipped })).toMatchObject({ state: "refused" });
    expect(begun(world)?.data).toMatchObject({ authority: "execute", policies: ["playbook-executes"] });
  });
  it("has people asked where it may only propose; when they approve, that is recorded", async () => {
    const world = await opened({ tier: "1" });
    const told = await world.receive(nth(1), { authority: two });
    expect(told).toMatchObject({ state: "proposed" });
    expect(told.reason).toMatch(/only propose this \(.*playbook-asks-about-the-first-tier/);
    const { id, hash } = (await world.proposals.get(told.incident ?? "")) ?? { id: "", hash: "" };
    const word = { say: "approve", actor: person("ann"), at: world.clock.now(), hash } as const;
    await answerProposal(world.open({ authority: two }), id, word);
    expect(world.logsIn(FIRST)).toBe(false);
    expect(begun(world)?.data.authority).toBe("propose");
    expect(begun(world)?.data.policies).toContain("playbook-asks-about-the-first-tier");
  });
  it("neither contains nor proposes what no policy permits", async () => {
    const nothing = cedarAuthority(async () => ({}));
    for (const rest of [{}, { then: "propose" }]) {
      const world = await opened({}, rest);
      const told = await world.receive(nth(1), { authority: nothing });
      expect(told).toMatchObject({ state: "ignored" });
      expect(told.reason).toMatch(/neither do nor propose this \(no policy permits it\)/);
      expect(await world.proposals.list("open", 9)).toEqual([]);
    }
  });
  it("contains nothing while authority cannot be asked: it is proposed, with an alarm", async () => {
    const world = await opened();
    const told = await world.receive(nth(1), { authority: dead });
    expect(told).toMatchObject({ state: "proposed", reason: "authority could not be asked" });
    expect(world.alarms.join()).toContain("no Cedar here");
    expect(begun(world)).toBeUndefined();
    expect(world.logsIn(FIRST)).toBe(true);
  });
  it("finishes what it has begun, though authority has changed its mind", async () => {
    const world = await opened();
    const failing = { call: async () => Promise.reject(new Error("unreachable")) };
    await expect(world.receive(nth(1), { authority: shipped, network: failing as never })).rejects.toThrow();
    world.clock.advance(600_000);
    expect(await world.receive(nth(1), { authority: dead })).toMatchObject({ state: "refused" });
  });
  it("is foreseen with what authority says", async () => {
    const world = await opened({ tier: "1" });
    const told = await foresee({ ...world.open({ authority: two }), rotators: [] }, nth(1), world.clock.now());
    expect([told.outcome, told.reason]).toEqual(["propose", expect.stringMatching(/authority lets playbook p only/)]);
  });
});

describe("a person", () => {
  it("contains what is protected, as shipped", async () => {
    const world = await opened({ protected: true });
    expect(await order(world, shipped)).toMatchObject({ state: "refused" });
    expect(begun(world)?.data).toMatchObject({ authority: "execute", policies: ["person-executes"] });
  });
  it("needs two others where two persons are asked for and it is protected; never approves it", async () => {
    const world = await opened({ protected: true });
    const told = await order(world, two);
    expect(told).toMatchObject({ state: "proposed" });
    const kept = await world.proposals.get(told.incident ?? "");
    expect(kept).toMatchObject({ needs: 2, requester: person("ann") });
    const word = { say: "approve", actor: person("ann"), at: world.clock.now(), hash: kept?.hash ?? "" } as const;
    await expect(answerProposal(world.open(), kept?.id ?? "", word)).rejects.toThrow(/cannot approve/);
    expect(world.logsIn(FIRST)).toBe(true);
  });
  it("breaks the glass, and the ledger has it with the reason", async () => {
    const world = await opened({ protected: true });
    const told = await order(world, two, { breakGlass: true, reason: "the second person is asleep" });
    expect(told).toMatchObject({ state: "refused" });
    expect(begun(world)).toMatchObject({ reason: "the second person is asleep", data: { authority: "break-glass" } });
  });
  it("has it proposed while authority cannot be asked", async () => {
    const world = await opened();
    expect(await order(world, dead)).toMatchObject({ state: "proposed" });
    expect(world.alarms).toHaveLength(1);
  });
});

it("an agent's order is proposed, whatever it breaks", async () => {
  const world = await opened();
  const told = await order(world, shipped, { actor: { kind: "agent", principal: "arn:a" }, breakGlass: true });
  expect(told).toMatchObject({ state: "proposed" });
  expect(world.logsIn(FIRST)).toBe(true);
});
