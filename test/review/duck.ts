import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Sealed } from "../../lib/core/review/entry.ts";
import type { Query, ResultRow } from "../../lib/core/review/query.ts";
import { lineOf } from "./logs.ts";

/** Values as the query's columns type them: DuckDB brings 64-bit counts as bigint. */
export const typed = ({ columns }: Query, row: Readonly<Record<string, unknown>>): ResultRow =>
  Object.fromEntries(
    columns.map(({ name, type }) => {
      const value = row[name];
      if (value === undefined) throw new Error(`the SQL has no column ${name}`);
      return [name, value === null ? null : type === "number" ? Number(value) : (value as string | boolean)];
    }),
  );

/** A DuckDB of one test, over event files as the archive holds them. */
export const openDuck = async () => {
  const dir = await mkdtemp(join(tmpdir(), "rekey-duck-"));
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  let files = 0;
  return {
    /** What stands in for a table of one JSON text a row, column `line`. */
    async put(entries: readonly Sealed[]): Promise<string> {
      files += 1;
      const path = join(dir, `${files}.ndjson.gz`);
      await writeFile(path, gzipSync(entries.map((entry) => `${lineOf(entry)}\n`).join("")));
      return `(SELECT json AS line FROM read_json_objects('${path}', format = 'newline_delimited')) AS files`;
    },
    async rows(query: Query, sql: string): Promise<readonly ResultRow[]> {
      const found = (await connection.runAndReadAll(sql)).getRowObjectsJS();
      return found.map((row) => typed(query, row));
    },
    async close() {
      connection.closeSync();
      instance.closeSync();
      await rm(dir, { recursive: true });
    },
  };
};
