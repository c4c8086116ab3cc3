import { describe, expect, it } from "vitest";
import { frameworks } from "../../lib/catalog/controls.ts";
import { FROM_1_1 } from "../../lib/controls/nist-csf.ts";
import { assess, type Check } from "../../lib/core/review/control.ts";
import type { AsOf } from "../../lib/core/review/entry.ts";
import { parseParams, queries } from "../../lib/core/review/queries.ts";
import { instant, logOf, ms, START } from "./logs.ts";

const all = frameworks.flatMap((framework) => framework.controls.map((control) => ({ framework, control })));

/** What is wrong with a check, whoever asks it. */
const faultsOf = ({ query, params = {}, pass = [] }: Check): readonly string[] => {
  const found = queries.find(({ id }) => id === query);
  if (!found) return [`${query} is no query`];
  const parsed = parseParams(found, params);
  const columns = pass.flatMap((one) => ("column" in one ? [one.column] : []));
  return [
    ...("problems" in parsed ? parsed.problems : []),
    ...columns.flatMap((name) =>
      found.columns.some((column) => column.name === name && column.type === "number")
        ? []
        : [`${query} has no number ${name}`],
    ),
    ...(pass.some((one) => "rows" in one) && found.rowsAre !== "findings"
      ? [`${query} measures: that it has no rows says nothing`]
      : []),
  ];
};

describe("controls", () => {
  it("ask queries that there are, with parameters and columns that they have", () => {
    expect(all.flatMap(({ control }) => control.checks.flatMap(faultsOf))).toEqual([]);
    expect(faultsOf({ query: "Q99" })).toEqual(["Q99 is no query"]);
    expect(faultsOf({ query: "Q9", params: { max_age: "3" } })).toHaveLength(1);
    expect(faultsOf({ query: "Q3", pass: [{ column: "scenario", atMost: 1 }] })).toHaveLength(1);
    expect(faultsOf({ query: "Q3", pass: [{ rows: 0 }] })).toHaveLength(1);
  });
  it("have ids that are unique, in the form of their framework, and none that version 2.0 of CSF withdrew", () => {
    const keys = all.map(({ framework, control }) => `${framework.id}:${control.id}`);
    expect(new Set(keys).size).toBe(keys.length);
    const csf = all.filter(({ framework }) => framework.id === "nist-csf").map(({ control }) => control.id);
    for (const id of csf) expect(id).toMatch(/^(GV|ID|PR|DE|RS|RC)\.[A-Z]{2}-\d\d$/);
    for (const withdrawn of Object.keys(FROM_1_1)) expect(csf).not.toContain(withdrawn);
    for (const id of Object.values(FROM_1_1).flat()) expect(id).toMatch(/^[A-Z]{2}\.[A-Z]{2}-\d\d$/);
  });
  it("say where they come from and when that was looked at; without a check, what is lacking", () => {
    for (const { source, reviewedOn, version, controls } of frameworks) {
      expect(source.length).toBeGreaterThan(10);
      expect(version).not.toBe("");
      expect(reviewedOn).toMatch(/^\d{4}-\d\d-\d\d$/);
      expect(controls.length).toBeGreaterThan(0);
    }
    for (const { control } of all) expect(control.checks.length > 0 || control.lacks !== undefined).toBe(true);
  });
  it("are not met by what nobody measured", () => {
    const control = {
      id: "X",
      title: "x",
      checks: [{ query: "Q2", pass: [{ column: "succeeded_percent", atLeast: 95 }] }],
    } as const;
    const overdue = { owed: instant(START), keeper: "rekey", schedule: "rate(1 day)", why: "" };
    const credential = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:a";
    const entries = logOf([{ stream: credential, type: "rotation.overdue", at: START, data: overdue }]);
    const asOf = { origin: "test", size: 1, root: "", at: instant(START) };
    const { verdict, checked } = assess(control, entries, asOf, ms);
    expect(checked[0]?.answer.rows).toMatchObject([{ missed: 1, succeeded_percent: null }]);
    expect(verdict).toBe("no data");
  });
  it("move between versions of CIS: the number of one version is not the other's", () => {
    const rotated = ["cis-aws-5", "cis-aws-6", "cis-aws-7"].map(
      (id) => frameworks.find((one) => one.id === id)?.controls.find(({ title }) => /rotated/.test(title))?.id,
    );
    expect(rotated).toEqual(["1.13", "2.13", "2.12"]);
  });
});

describe("verdicts", () => {
  const asOf: AsOf = { origin: "t", size: 9, root: "", at: instant(START + 86_400_000) };
  const rotated = (type: string, at: number, data: object) => ({ stream: "arn:a", type, at, data });
  const good = { version: "v2", replaced: null, durationMs: 5 };
  const bad = { version: "v3", step: "verify", error: "no" };
  const of = (checks: readonly Check[], log = logOf([])) =>
    assess({ id: "X", title: "x", checks }, log, asOf, ms).verdict;
  const success: Check = { query: "Q2", pass: [{ column: "succeeded_percent", atLeast: 90 }] };

  it("are met only where something was measured, and not met by one bad row", () => {
    expect(of([success])).toBe("no data");
    expect(of([success], logOf([rotated("rotation.succeeded", START, good)]))).toBe("met");
    const log = logOf([rotated("rotation.succeeded", START, good), rotated("rotation.failed", START + 1, bad)]);
    expect(of([success], log)).toBe("not met");
    expect(of([{ query: "Q2" }], log)).toBe("shown");
    expect(of([{ query: "Q2" }, success], log)).toBe("not met");
  });
  it("of findings are met by none, and a control without a check is not recorded", () => {
    const none: Check = { query: "Q1", pass: [{ rows: 0 }] };
    const late = { owed: instant(START), keeper: "rekey", schedule: "rate(1 day)", why: "" };
    expect(of([none])).toBe("met");
    expect(of([none], logOf([rotated("rotation.overdue", START, late)]))).toBe("not met");
    expect(of([])).toBe("not recorded");
  });
});
