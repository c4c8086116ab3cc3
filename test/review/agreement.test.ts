import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AsOf, Sealed } from "../../lib/core/review/entry.ts";
import { answer, parseParams, queries, sqlOf } from "../../lib/core/review/queries.ts";
import type { Query } from "../../lib/core/review/query.ts";
import { athena, duckdb } from "../../lib/core/review/sql.ts";
import { openDuck } from "./duck.ts";
import { arn, drafts, instant, logOf, ms, START } from "./logs.ts";

const NOW = START + 150 * 86_400_000;
const GIVEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Q17: { credential: arn("c/it's") },
};
const paramsOf = (query: Query, given = GIVEN[query.id] ?? {}) => {
  const parsed = parseParams(query, given);
  return "params" in parsed ? parsed.params : expect.fail(parsed.problems.join());
};
const asOf = (size: number): AsOf => ({ origin: "test", size, root: "", at: instant(NOW) });

describe("memory and DuckDB give one answer", () => {
  let duck: Awaited<ReturnType<typeof openDuck>>;
  beforeAll(async () => {
    duck = await openDuck();
  });
  afterAll(() => duck.close());

  const compare = async (query: Query, entries: readonly Sealed[], size: number, given?: Record<string, string>) => {
    const params = paramsOf(query, given);
    const from = await duck.put(entries);
    const sql = sqlOf(query, params, duckdb, { lines: from }, { size, ms: NOW });
    const told = answer(query, params, entries, asOf(size), ms).rows;
    expect(await duck.rows(query, sql)).toEqual(told);
    for (const row of told) expect(Object.keys(row)).toEqual(query.columns.map(({ name }) => name));
    return told;
  };

  it.each(queries.map((query) => [query.id, query] as const))(
    "%s, on any history, as of any size",
    async (_, query) => {
      const shares = fc.double({ min: 0, max: 1, noNaN: true });
      let told = 0;
      const property = fc.asyncProperty(drafts, shares, async (some, share) => {
        const entries = [...logOf(some)];
        // An empty file has no line to tell a type from: the archive never holds one.
        if (entries.length === 0) return;
        told += (await compare(query, entries, 1 + Math.floor(share * (entries.length - 1)))).length;
      });
      await fc.assert(property, { numRuns: 120, seed: 20_261_123 });
      expect(told, "rows over these histories, which are always the same").toBeGreaterThan(0);
      await fc.assert(property, { numRuns: 20 });
    },
    60_000,
  );
  it("Q23, of one workload with a quote in its name", async () => {
    const query = queries.find(({ id }) => id === "Q23") ?? expect.fail();
    const registered = (stream: string, workload: string) => ({
      stream,
      type: "inventory.registered",
      at: START,
      data: { kind: "postgres", workload, network: "default" },
    });
    const entries = logOf([registered(arn("a"), "it's"), registered(arn("b"), "orders")]);
    expect(await compare(query, entries, 2, { workload: "it's" })).toMatchObject([{ credential: arn("a") }]);
  });
});

describe("queries", () => {
  it("have one number each, from 1 without a gap", () => {
    const ids = queries.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (let n = 1; n <= queries.length; n += 1) expect(ids).toContain(`Q${n}`);
  });
  it("make Athena SQL of the same statement: what differs is only what the dialect names", () => {
    for (const query of queries) {
      const params = paramsOf(query);
      const of = (dialect: typeof duckdb) => sqlOf(query, params, dialect, { lines: "files" }, { size: 9, ms: NOW });
      const [a, d] = [of(athena), of(duckdb)];
      expect(a).not.toMatch(/json_extract_string|epoch_ms|VARCHAR\[\]|QUALIFY|::/);
      const neutral = (sql: string) =>
        sql
          .replaceAll("json_extract_scalar", "json_extract_string")
          .replaceAll("ARRAY(VARCHAR)", "VARCHAR[]")
          .replaceAll(
            /CAST\(to_unixtime\(from_iso8601_timestamp\(([^()]+(?:\(\w+\))?)\)\) \* 1000 AS BIGINT\)/g,
            "epoch_ms(CAST($1 AS TIMESTAMP))",
          );
      expect(neutral(a)).toBe(d);
    }
  });
  it("refuse parameters that are unknown, missing or no number", () => {
    const of = (id: string) => queries.find((query) => query.id === id) ?? expect.fail(id);
    expect(parseParams(of("Q17"), {})).toEqual({ problems: ["credential is needed"] });
    expect(parseParams(of("Q9"), { max_age_days: "soon" })).toMatchObject({
      problems: [expect.stringMatching(/no number/)],
    });
    expect(parseParams(of("Q9"), { max_age_days: "-1" })).toHaveProperty("problems");
    expect(parseParams(of("Q9"), { max_age: "1" })).toMatchObject({
      problems: [expect.stringMatching(/no parameter/)],
    });
    expect(parseParams(of("Q9"), { max_age_days: "30" })).toEqual({ params: { max_age_days: 30, kind: "" } });
  });
});
