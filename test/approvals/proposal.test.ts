import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Actor } from "../../lib/core/events.ts";
import type { Incident } from "../../lib/core/incident.ts";
import { after, due, type Proposal, personOf, type Word } from "../../lib/core/proposal.ts";
import { type Draft, hashOf, mandated, narrowest, proposalOf } from "../../lib/core/proposal-plan.ts";
import type { CredentialId, Instant } from "../../lib/core/types.ts";
import { memoryClock } from "../../lib/memory/clock.ts";

const clock = memoryClock("2026-11-20T09:00:00.000Z");
const at = (minute: number): Instant => clock.after("2026-11-20T09:00:00.000Z" as Instant, minute * 60_000);
const human = (name: string): Actor => ({ kind: "human", principal: `arn:aws:iam::111122223333:user/${name}` });
const A = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a-AbCdEf" as CredentialId;

const incident: Incident = {
  id: "inc-0123456789abcdef",
  signal: "s1",
  type: "t",
  scenario: "compromised",
  severity: 80,
  actor: { kind: "playbook", principal: "p" },
  reason: "r",
  state: "claimed",
  plans: [{ credential: A, network: "default", doomed: "all" }],
  principals: [
    {
      principal: "iam-role:111122223333/app",
      arn: "arn:aws:iam::111122223333:role/app",
      narrowed: { sessions: ["AROAEXAMPLE:one"], podUids: [], instances: [], functions: [] },
      rung: "workload",
      widest: "principal",
    },
    {
      principal: "iam-role:111122223333/other",
      arn: "arn:aws:iam::111122223333:role/other",
      narrowed: { sessions: [], podUids: [], instances: [], functions: [] },
      rung: "since",
      widest: "principal",
    },
  ],
  progress: {},
  timeline: { activityAt: at(0), receivedAt: at(0) },
};
const draft: Draft = {
  incident,
  requester: { kind: "playbook", principal: "p" },
  why: "production",
  needs: 1,
  onExpiry: "narrow",
  expiresInMs: 60 * 60_000,
  escalatesInMs: 15 * 60_000,
};
const open = (over: Partial<Draft> = {}): Proposal => proposalOf({ ...draft, ...over }, at(0), clock);
const approval = (name: string, minute: number, over: Partial<Extract<Word, { say: "approve" }>> = {}) =>
  ({ say: "approve", actor: human(name), at: at(minute), hash: open().hash, ...over }) as const;
const next = (proposal: Proposal, word: Word): Proposal => {
  const said = after(proposal, word);
  if ("refused" in said) throw new Error(said.refused);
  return "same" in said ? said.same : said.proposal;
};
const refused = (proposal: Proposal, word: Word) => {
  const said = after(proposal, word);
  return "refused" in said ? said.refused : "";
};

describe("who a person is", () => {
  const session = (role: string, name: string): Actor => ({
    kind: "human",
    principal: `arn:aws:sts::111122223333:assumed-role/${role}/${name}`,
  });
  it("a role whose sessions name themselves is one person, however they call themselves", () => {
    expect(personOf(session("admin", "alice"))).toBe(personOf(session("admin", "bob")));
    expect(personOf(session("admin", "alice"))).not.toBe(personOf(session("other", "alice")));
  });
  it("a person who signed in is one, in whichever of their roles", () => {
    const [admin, reader] = ["AWSReservedSSO_Admin_0a1b", "AWSReservedSSO_Read_2c3d"];
    expect(personOf(session(admin, "alice@x.org"))).toBe(personOf(session(reader, "Alice@x.org")));
    expect(personOf(session(admin, "alice@x.org"))).not.toBe(personOf(session(admin, "bob@x.org")));
  });
});

describe("a proposal", () => {
  it("is approved by one, or by two different people", () => {
    expect(next(open(), approval("ann", 1)).state).toBe("approved");
    const two = open({ needs: 2 });
    const first = next(two, approval("ann", 1, { hash: two.hash }));
    expect(first.state).toBe("open");
    expect(next(first, approval("ann", 2, { hash: two.hash }))).toBe(first);
    expect(next(first, approval("bob", 3, { hash: two.hash })).state).toBe("approved");
  });
  it("is not approved by its requester, in whichever session, nor by who is no person", () => {
    const own = open({ requester: human("ann") });
    expect(refused(own, approval("ann", 1, { hash: own.hash }))).toContain("proposed it");
    const agent: Actor = { kind: "agent", principal: "arn:aws:iam::111122223333:role/agent" };
    expect(refused(open(), approval("ann", 1, { actor: agent }))).toContain("only people");
    expect(refused(open(), approval("ann", 1, { actor: draft.requester }))).toContain("only people");
  });
  it("is not approved by another hash, after its time, twice, or once denied", () => {
    expect(refused(open(), approval("ann", 1, { hash: "0".repeat(64) }))).toContain("hash");
    expect(refused(open(), approval("ann", 60))).toContain("expired");
    const approved = next(open(), approval("ann", 1));
    expect(refused(approved, approval("bob", 2))).toContain("once");
    const denied = next(open(), { say: "deny", actor: human("bob"), at: at(1), reason: "a test of ours" });
    expect(refused(denied, approval("ann", 2))).toContain("denied");
    expect(denied.denied?.reason).toBe("a test of ours");
  });
  it("is withdrawn by an agent that proposed it, and by no other", () => {
    const agent: Actor = { kind: "agent", principal: "arn:aws:iam::111122223333:role/agent" };
    const word = { say: "deny", actor: agent, at: at(1), reason: "mistaken" } as const;
    expect(next(open({ requester: agent }), word).state).toBe("denied");
    expect(refused(open(), word)).toContain("withdraw");
  });
  it("escalates once, and expires", () => {
    expect(due(open(), at(1))).toBeUndefined();
    expect(due(open(), at(15))).toBe("escalate");
    const escalated = next(open(), { say: "escalate", at: at(15) });
    expect(due(escalated, at(16))).toBeUndefined();
    expect(due(escalated, at(60))).toBe("expire");
    const expired = next(escalated, { say: "expire", at: at(60) });
    expect(expired.state).toBe("expired");
    expect(refused(open(), { say: "expire", at: at(59) })).not.toBe("");
  });
});

describe("what is carried out", () => {
  it("is bound by the hash: plans, principals, how many approve and what happens otherwise; not by who asked or when", () => {
    const hash = hashOf(draft);
    const other: readonly Partial<Draft>[] = [
      { needs: 2 },
      { onExpiry: "nothing" },
      { incident: { ...incident, scenario: "exfiltrated" } },
      { incident: { ...incident, plans: [{ credential: A, network: "default", doomed: "current" }] } },
      { incident: { ...incident, principals: (incident.principals ?? []).slice(0, 1) } },
    ];
    for (const over of other) expect(hashOf({ ...draft, ...over })).not.toBe(hash);
    const timeline = { ...incident.timeline, receivedAt: at(9) };
    expect(hashOf({ ...draft, incident: { ...incident, timeline, actor: human("ann") } })).toBe(hash);
    expect(hashOf(JSON.parse(JSON.stringify({ ...draft, incident: { ...incident, approvedBy: undefined } })))).toBe(
      hash,
    );
  });
  it("is the whole when approved, with who approved it", () => {
    const approved = next(open(), approval("ann", 5));
    expect(mandated(approved)).toMatchObject({
      plans: incident.plans,
      principals: incident.principals,
      approvedBy: [human("ann")],
      timeline: { approvedAt: at(5) },
    });
  });
  it("is nothing while it is open or denied, and the sessions that were seen, alone, when it expired so", () => {
    expect(mandated(open())).toBeUndefined();
    const expired = next(open(), { say: "expire", at: at(60) });
    const [role] = incident.principals ?? [];
    expect(mandated(expired)).toMatchObject({
      plans: [],
      principals: [{ ...role, rung: "session", widest: "session" }],
    });
    expect(mandated(next(open({ onExpiry: "nothing" }), { say: "expire", at: at(60) }))).toBeUndefined();
    expect(narrowest({ ...incident, principals: [] })).toBeUndefined();
  });
});

describe("any order of words", () => {
  const names = ["ann", "bob", "cleo", "requester"];
  const word = (needs: 1 | 2) =>
    fc.oneof(
      fc.record({
        say: fc.constant("approve" as const),
        actor: fc.constantFrom(...names.map(human), { kind: "agent", principal: "a" } as Actor),
        minute: fc.integer({ min: 0, max: 90 }),
        hash: fc.constantFrom(open({ needs, requester: human("requester") }).hash, "0".repeat(64)),
      }),
      fc.record({
        say: fc.constant("deny" as const),
        actor: fc.constantFrom(...names.map(human)),
        minute: fc.integer({ min: 0, max: 90 }),
        reason: fc.constant("no"),
      }),
      fc.record({
        say: fc.constantFrom("expire" as const, "escalate" as const),
        minute: fc.integer({ min: 0, max: 90 }),
      }),
    );
  const asker = human("requester");
  const hear = (before: Proposal, one: { readonly say: Word["say"]; readonly minute: number }): Proposal => {
    const said = after(before, { ...one, at: at(one.minute) } as Word);
    const next = "proposal" in said ? said.proposal : before;
    if (before.state !== "open") expect(next).toEqual(before);
    expect(next.hash).toBe(hashOf(next));
    return next;
  };
  const lawful = (proposal: Proposal, needs: 1 | 2): void => {
    const { approvals, state, expiresAt } = proposal;
    const people = new Set(approvals.map(({ actor }) => personOf(actor)));
    expect(people.size).toBe(approvals.length);
    expect(people.has(personOf(asker))).toBe(false);
    expect(approvals.every((one) => one.actor.kind === "human" && one.at < expiresAt)).toBe(true);
    expect(state === "approved").toBe(approvals.length === needs);
    expect(mandated(proposal) !== undefined).toBe(["approved", "expired"].includes(state));
  };
  it("keeps the laws: enough different people in time, none of them the requester, and what is over stays", () => {
    let approved = 0;
    const kept = fc.property(
      fc.constantFrom(1 as const, 2 as const).chain((needs) => fc.tuple(fc.constant(needs), fc.array(word(needs)))),
      ([needs, words]) => {
        const proposal = [...words].sort((a, b) => a.minute - b.minute).reduce(hear, open({ needs, requester: asker }));
        lawful(proposal, needs);
        if (proposal.state === "approved") approved++;
      },
    );
    fc.assert(kept, { numRuns: 2_000 });
    // Otherwise the laws would have held of nothing.
    expect(approved).toBeGreaterThan(100);
  });
});
