import { describe, expect, it } from "vitest";
import type { Draft } from "../../lib/core/proposal-plan.ts";
import { policyName } from "../../lib/core/quarantine-policy.ts";
import { answerProposal, wake } from "../../lib/engine/approve.ts";
import { propose } from "../../lib/engine/propose.ts";
import { type Faults, faults, type Mode } from "../support/faults.ts";
import { CI, FIRST } from "../support/world.ts";
import { compromised, MINUTE, type Peopled, peopledWorld, person, ROLE, SESSION } from "./world.ts";

const [ANN, BOB] = [person("ann"), person("bob")];

const proposed = async (over: Partial<Draft> = {}) => {
  const world = await peopledWorld();
  const proposal = await propose(world.respond(), await world.draftOf(over));
  return { world, proposal };
};
const approve = (world: Peopled, id: string, hash: string, actor = ANN, f: Faults = faults()) =>
  answerProposal(world.respond(f), id, { say: "approve", actor, at: world.clock.now(), hash });
const untouched = (world: Peopled) => world.logsIn(FIRST) && Object.keys(world.own()).length === 1;

/** Carried out once: refused at the target, the role denied, the story told once on each stream. */
const judgeContained = async (world: Peopled, id: string, where = "") => {
  expect(world.logsIn(FIRST), where).toBe(false);
  expect(world.own()[policyName(id)], where).toContain("Deny");
  const recorded = await world.recorded();
  for (const type of ["approval.requested", "approval.granted"] as const) {
    const streams = recorded.filter((row) => row.type === type).map(({ stream }) => stream);
    expect(streams.sort(), `${type} ${where}`).toEqual([CI, ROLE].sort());
  }
  expect(
    recorded.filter(({ type }) => type === "containment.effective"),
    where,
  ).toHaveLength(1);
};
const points = (probe: Faults) =>
  probe.calls.flatMap((_, i) => (["lost", "done"] satisfies Mode[]).map((mode) => ({ at: i + 1, mode })));
const caught = async (work: Promise<unknown>) => {
  await work.catch((error) => {
    if (!["Crash", "Unfinished"].includes(error.name)) throw error;
  });
};
describe("what waits for people", () => {
  it("touches nothing, is recorded on each stream that it would touch, told, and on the clock", async () => {
    const { world, proposal } = await proposed();
    expect(untouched(world)).toBe(true);
    expect(await world.incidents.recent(9)).toEqual([]);
    expect(world.rows.map(({ type, stream }) => [type, stream])).toEqual([
      ["approval.requested", CI],
      ["approval.requested", ROLE],
    ]);
    expect([...world.schedules.values()]).toEqual([proposal.escalatesAt, proposal.expiresAt]);
    expect(world.moments()).toEqual(["proposed"]);
  });
  it("is proposed once, however often: the first one's times hold", async () => {
    const { world, proposal } = await proposed();
    world.clock.advance(5 * MINUTE);
    const again = await propose(world.respond(), await world.draftOf());
    expect(again).toEqual(proposal);
    expect(world.schedules.size).toBe(2);
    expect(world.types()).toHaveLength(2);
  });
  it("is carried out whole when it is approved, by the path of a signal, naming who approved", async () => {
    const { world, proposal } = await proposed();
    world.clock.advance(MINUTE);
    const told = await approve(world, proposal.id, proposal.hash);
    expect(told).toMatchObject({
      state: "approved",
      done: { state: "refused", credentials: [CI], principals: [ROLE] },
    });
    await judgeContained(world, proposal.id);
    expect(await world.incidents.get(proposal.id)).toMatchObject({ approvedBy: [ANN], state: "refused" });
    expect(world.holds).toEqual([proposal.id]);
    await world.pass(120);
    await judgeContained(world, proposal.id, "after its schedules have fired");
    expect(world.types()).not.toContain("approval.expired");
  });
  it("waits for the second person, and the same one twice is one", async () => {
    const { world, proposal } = await proposed({ needs: 2 });
    expect(await approve(world, proposal.id, proposal.hash)).toMatchObject({ state: "open", approvals: 1 });
    expect(await approve(world, proposal.id, proposal.hash)).toMatchObject({ state: "open", approvals: 1 });
    expect(untouched(world)).toBe(true);
    expect(await approve(world, proposal.id, proposal.hash, BOB)).toMatchObject({ state: "approved" });
    expect(world.logsIn(FIRST)).toBe(false);
  });
  it("two people at the same instant both count", async () => {
    const { world, proposal } = await proposed({ needs: 2 });
    await Promise.all([ANN, BOB].map((actor) => approve(world, proposal.id, proposal.hash, actor)));
    expect(await world.proposals.get(proposal.id)).toMatchObject({ state: "approved" });
    expect(world.logsIn(FIRST)).toBe(false);
  });
  it("is denied with a reason, and what was denied is never carried out", async () => {
    const { world, proposal } = await proposed({ onExpiry: "narrow" });
    const word = { say: "deny", actor: ANN, at: world.clock.now(), reason: "a test of ours" } as const;
    expect(await answerProposal(world.respond(), proposal.id, word)).toMatchObject({ state: "denied" });
    await expect(approve(world, proposal.id, proposal.hash, BOB)).rejects.toThrow("denied");
    await world.pass(120);
    expect(untouched(world)).toBe(true);
    expect(world.rows.at(-1)).toMatchObject({ type: "approval.denied", reason: "a test of ours" });
    expect(world.moments()).toEqual(["proposed", "denied"]);
  });
  it("that somebody has changed in the store is not carried out, whatever its hash says", async () => {
    const { world, proposal } = await proposed();
    const kept = await world.proposals.get(proposal.id);
    if (kept) await world.proposals.replace({ ...kept, incident: { ...kept.incident, scenario: "exfiltrated" } });
    await expect(approve(world, proposal.id, proposal.hash)).rejects.toThrow("not what was proposed");
    expect(untouched(world)).toBe(true);
  });
});

describe("nobody answers", () => {
  it("more people are told, then it is over and nothing was done", async () => {
    const { world, proposal } = await proposed();
    await world.pass(20);
    expect(world.moments()).toEqual(["proposed", "escalated"]);
    await world.pass(60);
    expect(world.moments()).toEqual(["proposed", "escalated", "expired"]);
    expect(untouched(world)).toBe(true);
    await expect(approve(world, proposal.id, proposal.hash)).rejects.toThrow("expired");
    expect(world.schedules.size + world.queue.length).toBe(0);
  });
  it("the narrowest rung alone, where it was proposed so: the sessions that were seen", async () => {
    const { world, proposal } = await proposed({ onExpiry: "narrow" });
    await world.pass(70);
    expect(world.own()[policyName(proposal.id)]).toContain(`"StringEquals":{"aws:userid":["${SESSION}"]}`);
    expect(world.logsIn(FIRST), "a credential was touched").toBe(true);
    expect(await world.incidents.get(proposal.id)).toMatchObject({ plans: [], principals: [{ widest: "session" }] });
    expect(world.rows.find(({ type }) => type === "approval.expired")).toMatchObject({ data: { outcome: "narrow" } });
  });
  it("nothing, where no session was seen, and says so", async () => {
    const { world, proposal } = await proposed({ onExpiry: "narrow" });
    const kept = await world.draftOf({ onExpiry: "narrow" });
    const { principals: _, ...alone } = kept.incident;
    const other = await propose(world.respond(), { ...kept, incident: { ...alone, id: "inc-00000000000000aa" } });
    expect(other.id).not.toBe(proposal.id);
    world.clock.advance(61 * MINUTE);
    expect(await wake(world.respond(), other.id)).toMatchObject({ state: "expired", nothingNarrow: true });
    expect(world.logsIn(FIRST)).toBe(true);
  });
  it("what is woken a moment too early is woken again", async () => {
    const { world, proposal } = await proposed({ expiresInMs: 10 * MINUTE });
    world.schedules.clear();
    world.clock.advance(10 * MINUTE - 200);
    await wake(world.respond(), proposal.id);
    await world.pass(1);
    expect(await world.proposals.get(proposal.id)).toMatchObject({ state: "expired" });
  });
});

describe("a crash at any call", () => {
  it("of proposing: the redelivered signal leaves one proposal, recorded, told and on the clock", async () => {
    const probe = faults();
    const first = await peopledWorld();
    await propose(first.respond(probe), await first.draftOf());
    expect(probe.calls.length).toBeGreaterThan(4);
    for (const { at, mode } of points(probe)) {
      const where = `${mode} at call ${at}, ${probe.calls[at - 1]}`;
      const world = await peopledWorld();
      const draft = await world.draftOf();
      await caught(propose(world.respond(faults(at, mode)), draft));
      const kept = await propose(world.respond(), draft);
      expect(
        (await world.recorded()).map(({ type }) => type),
        where,
      ).toEqual(["approval.requested", "approval.requested"]);
      expect([...world.schedules.values()], where).toEqual([kept.escalatesAt, kept.expiresAt]);
      expect(world.moments(), where).toEqual(["proposed"]);
      expect(untouched(world), where).toBe(true);
    }
  });
  it("of approving: the queue finishes it, or the person's next try does; carried out once", {
    timeout: 60_000,
  }, async () => {
    const probe = faults();
    const first = await proposed();
    await approve(first.world, first.proposal.id, first.proposal.hash, ANN, probe);
    expect(probe.calls.length).toBeGreaterThan(20);
    for (const { at, mode } of points(probe)) {
      const where = `${mode} at call ${at}, ${probe.calls[at - 1]}`;
      const { world, proposal } = await proposed({ expiresInMs: 600 * MINUTE });
      await caught(approve(world, proposal.id, proposal.hash, ANN, faults(at, mode)));
      const isKept = (await world.proposals.get(proposal.id))?.state === "approved";
      if (!isKept) await caught(approve(world, proposal.id, proposal.hash));
      await world.pass(10);
      await judgeContained(world, proposal.id, where);
    }
  });
  it("of expiring: the queue brings it again until the sessions are denied and it is told", {
    timeout: 60_000,
  }, async () => {
    const probe = faults();
    const first = await proposed({ onExpiry: "narrow" });
    first.world.clock.advance(61 * MINUTE);
    await wake(first.world.respond(probe), first.proposal.id);
    for (const { at, mode } of points(probe)) {
      const where = `${mode} at call ${at}, ${probe.calls[at - 1]}`;
      const { world, proposal } = await proposed({ onExpiry: "narrow" });
      world.clock.advance(61 * MINUTE);
      world.schedules.clear();
      await caught(wake(world.respond(faults(at, mode)), proposal.id));
      // The message that it came by was not taken off the queue.
      world.queue.push({ proposal: proposal.id, at: world.clock.now() });
      await world.pass(10);
      expect(world.own()[policyName(proposal.id)], where).toContain("aws:userid");
      expect(world.logsIn(FIRST), where).toBe(true);
      expect(world.moments(), where).toEqual(["proposed", "expired"]);
      expect(
        (await world.recorded()).filter(({ type }) => type === "approval.expired"),
        where,
      ).toHaveLength(2);
    }
  });
});

describe("the signal that it answers", () => {
  it("leads to nothing more when it comes again after its answer", async () => {
    const { world, proposal } = await proposed();
    await answerProposal(world.respond(), proposal.id, {
      say: "deny",
      actor: ANN,
      at: world.clock.now(),
      reason: "ours",
    });
    const again = await propose(world.respond(), await world.draftOf({}, compromised));
    expect(again.state).toBe("denied");
    expect(world.moments()).toEqual(["proposed", "denied"]);
  });
});
