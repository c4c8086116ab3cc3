import { describe, expect, it } from "vitest";
import { phases } from "../../lib/controls/phases.ts";
import { reportPhases } from "../../lib/core/review/phase.ts";
import { arn, instant, logOf, ms, START } from "./logs.ts";
import { registered } from "./projected.ts";

const DAY = 86_400_000;
const report = (drafts: Parameters<typeof logOf>[0], days = 1) => {
  const entries = logOf(drafts);
  const asOf = { origin: "o", size: entries.length, root: "r", at: instant(START + days * DAY) };
  return Object.fromEntries(
    reportPhases(phases, entries, asOf, ms).map(({ phase, verdict, criteria }) => [
      phase.id,
      { verdict, criteria: Object.fromEntries(criteria.map((one) => [one.control.id, one.verdict])) },
    ]),
  );
};

describe("the phases of a workload's life", () => {
  it("each have an owner and criteria, every one judged by a query", () => {
    expect(phases.map(({ id }) => id)).toEqual(["pre-deployment", "active-execution", "response"]);
    for (const { owner, criteria } of phases) {
      expect(owner).not.toBe("");
      expect(criteria.every(({ checks }) => checks.length > 0)).toBe(true);
    }
    const ids = phases.flatMap(({ criteria }) => criteria.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("fail where one criterion does, and only there", () => {
    const late = { owed: instant(START), keeper: "rekey", schedule: "rate(1 day)", why: "" };
    const told = report([
      registered(arn("a"), "orders"),
      { stream: arn("a"), type: "rotation.overdue", at: START + 1, data: late },
    ]);
    expect(told["active-execution"]).toMatchObject({ verdict: "not met", criteria: { A1: "not met" } });
    expect(told["pre-deployment"]?.criteria["P1"]).toBe("met");
    expect(report([registered(arn("a"), "")])["pre-deployment"]).toMatchObject({ verdict: "not met" });
  });

  it("are judged as of the moment asked for", () => {
    expect(report([registered(arn("a"), "orders")], 1)["active-execution"]?.criteria["A2"]).toBe("met");
    expect(report([registered(arn("a"), "orders")], 91)["active-execution"]?.criteria["A2"]).toBe("not met");
  });
});
