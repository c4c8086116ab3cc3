import { describe, expect, it } from "vitest";
import { queries } from "../../lib/core/review/queries.ts";
import { arn, type Draft, instant, logOf, ms, START } from "./logs.ts";

const rows = (id: string, drafts: readonly Draft[], params = {}) => {
  const query = queries.find((one) => one.id === id) ?? expect.fail(id);
  const preset = Object.fromEntries(query.params.map(({ name, default: value = "" }) => [name, value]));
  return query.evaluate(logOf(drafts), { ...preset, ...params }, { at: instant(START + 86_400_000), ms });
};
const of = (type: string, at: number, data: object, by?: string, stream = arn("a")): Draft => ({
  stream,
  type,
  at: START + at,
  data,
  ...(by && { by }),
});

it("Q14 shows what the ledger was not there for: events that waited, and how long", () => {
  const query = queries.find(({ id }) => id === "Q14") ?? expect.fail();
  const [prompt, waited] = logOf([of("ledger.heartbeat", 0, {}), of("containment.failed", 0, { incident: "i" })]);
  if (!prompt || !waited) return expect.fail();
  const late = { ...waited, receivedAt: instant(ms(waited.at) + 600_000) };
  const at = { at: instant(START + 86_400_000), ms };
  expect(query.evaluate([prompt, late], {}, at)).toMatchObject([{ late_entries: 1, longest_delay_s: 600 }]);
  expect(query.evaluate([prompt, waited], {}, at)).toMatchObject([{ late_entries: 0 }]);
});

describe("Q13", () => {
  const asked = {
    proposal: "p",
    hash: "h",
    why: "",
    needs: 2,
    expiresAt: instant(START + 60_000),
    onExpiry: "nothing",
  };
  const granted = (approvals: number, at: number, by: string) =>
    of("approval.granted", at, { proposal: "p", hash: "h", approvals, needs: 2 }, by);

  it("names who approved their own and who was too fast; one of two approvals settles nothing", () => {
    const first = [of("approval.requested", 0, asked, "human:ann"), granted(1, 500, "human:ann")];
    expect(rows("Q13", first)).toMatchObject([
      { asked_by: "ann", approvals: 1, self_approvals: 1, hasty: 1, outcome: "late", wait_ms: null },
    ]);
    expect(rows("Q13", [...first, granted(2, 30_000, "human:bob")])).toMatchObject([
      { approvals: 2, self_approvals: 1, hasty: 1, outcome: "approved", wait_ms: 30_000 },
    ]);
  });
  it("counts a proposal about two credentials once, and each person in it once", () => {
    const twice = [arn("a"), arn("b")].flatMap((stream) => [
      of("approval.requested", 0, { ...asked, needs: 1 }, "service:respond", stream),
      of("approval.granted", 9000, { proposal: "p", hash: "h", approvals: 1, needs: 1 }, "human:bob", stream),
    ]);
    expect(rows("Q13", twice)).toMatchObject([{ approvals: 1, self_approvals: 0, outcome: "approved", wait_ms: 9000 }]);
  });
  it("shows a broken glass, once for each incident", () => {
    const begun = { incident: "i", scenario: "exfiltrated", actions: [], authority: "break-glass", policies: [] };
    const log = [of("containment.started", 0, begun, "human:ann"), of("containment.started", 1, begun, "human:ann")];
    expect(rows("Q13", log)).toMatchObject([{ what: "break-glass", which: "i", asked_by: "ann", outcome: "executed" }]);
  });
});

describe("Q24", () => {
  const begun = { incident: "i", scenario: "exfiltrated", actions: [], authority: null, policies: [] };
  const proved = {
    incident: "i",
    refused: ["v1"],
    replacement: null,
    sessionsEnded: 0,
    activityToRefusedMs: 1000,
    receivedToRefusedMs: 300,
    receivedToVerifiedMs: 400,
  };
  it("splits a response into its steps; what was given back later is restored then", () => {
    const log = [of("containment.started", 100, begun), of("containment.effective", 600, proved)];
    const times = { detect_p50_ms: 700, contain_p50_ms: 300, prove_p50_ms: 400 };
    expect(rows("Q24", log)).toMatchObject([{ ...times, contained: 1, restored: 0, restore_p50_ms: null }]);
    const back = of("containment.restored", 5100, { incident: "i", versions: ["v1"] });
    expect(rows("Q24", [...log, back])).toMatchObject([{ ...times, restored: 1, restore_p50_ms: 5000 }]);
  });
  it("counts a replacement as restored when it was in force", () => {
    const log = [
      of("containment.started", 100, begun),
      of("containment.effective", 600, { ...proved, replacement: "v2" }),
    ];
    expect(rows("Q24", log)).toMatchObject([{ restored: 1, restore_p95_ms: 500 }]);
  });
});

describe("Q25", () => {
  it("counts the consumers that run with what is in force, and forgets those that left", () => {
    const acknowledged = (consumer: string, version: string | null) =>
      of("consumer.acknowledged", 9, { consumer, version });
    const log = [
      of("rotation.succeeded", 0, { version: "v2", replaced: "v1", durationMs: 1 }),
      acknowledged("web", "v2"),
      acknowledged("worker", "v1"),
      acknowledged("gone", "v1"),
      acknowledged("gone", null),
    ];
    expect(rows("Q25", log)).toMatchObject([{ version: "v2", consumers: 2, following: 1, following_percent: 50 }]);
  });
});
