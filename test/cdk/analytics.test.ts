import { expect, test } from "vitest";
import { queries } from "../../lib/core/review/queries.ts";
import { flat, rekey, resources, singleAccount } from "./support.ts";

const of = (config: object, type: string) => resources(rekey(config).hub, type).map(([, { Properties: p = {} }]) => p);

test("without being asked for, nothing of Athena is deployed", () => {
  for (const type of ["AWS::Glue::Table", "AWS::Glue::Database", "AWS::Athena::NamedQuery"])
    expect(of(singleAccount, type)).toEqual([]);
});

test("the event files are one table, found by the day of their commit", () => {
  const [table] = of({ ...singleAccount, analytics: true }, "AWS::Glue::Table");
  const text = flat(table);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: Athena fills it in.
  expect(text).toContain("events/dt=${dt}/");
  expect(text).toContain("projection.dt.range: 2026-01-01,NOW");
  expect(text).toContain("PartitionKeys: Name: dt, Type: string");
  expect(text).toContain("Columns: Name: line, Type: string");
});

test("every query that needs nothing said is there by name, over that table, as of now", () => {
  const named = of({ ...singleAccount, analytics: true }, "AWS::Athena::NamedQuery");
  const free = queries.filter(({ params }) => params.every(({ default: preset }) => preset !== undefined));
  expect(free.length).toBeGreaterThan(10);
  expect(named.map(({ Name }) => String(Name).split(" ")[1]).sort()).toEqual(free.map(({ id }) => id).sort());
  for (const { QueryString } of named) {
    // Athena: a query string holds at most 262,144 bytes.
    expect(String(QueryString).length).toBeLessThan(262_144);
    expect(QueryString).toContain("FROM rekey_events");
    expect(QueryString).not.toMatch(/NaN|undefined|\[object/);
  }
  expect(flat(named.find(({ Name }) => /Q9/.test(String(Name))))).toContain("to_unixtime(now())");
});
