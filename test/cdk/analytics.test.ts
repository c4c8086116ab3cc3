import { expect, test } from "vitest";
import { columnsOf } from "../../lib/core/review/columns.ts";
import { queries } from "../../lib/core/review/queries.ts";
import { flat, rekey, resources, singleAccount } from "./support.ts";

const of = (config: object, type: string) => resources(rekey(config).hub, type).map(([, { Properties: p = {} }]) => p);

test("without being asked for, nothing of Athena is deployed", () => {
  for (const type of ["AWS::Glue::Table", "AWS::Glue::Database", "AWS::Athena::NamedQuery"])
    expect(of(singleAccount, type)).toEqual([]);
});

test("the event files are one table, found by the day of their commit", () => {
  const tables = of({ ...singleAccount, analytics: true }, "AWS::Glue::Table").map(flat);
  const text = tables.find((one) => /Name: rekey_events,/.test(one)) ?? expect.fail(tables.join());
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

test("what compaction writes is a table too: its columns, by day; the function that writes it reads events and nothing else", () => {
  const config = { ...singleAccount, analytics: true };
  const tables = of(config, "AWS::Glue::Table").map(flat);
  const text = tables.find((one) => /Name: rekey_events_parquet,/.test(one)) ?? expect.fail(tables.join());
  expect(text).toContain("parquet/dt=${dt}/");
  expect(text).toContain("MapredParquetInputFormat");
  for (const { name, type } of columnsOf([], Date.parse))
    expect(text).toContain(`Name: ${name}, Type: ${type === "INT64" ? "bigint" : "string"}`);
  const names = (some: object) => of(some, "AWS::Lambda::Function").map(({ FunctionName }) => FunctionName);
  expect(names(config)).toContain("rekey-compact");
  expect(names(singleAccount)).not.toContain("rekey-compact");
});
