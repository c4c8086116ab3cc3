import { type Command, Option } from "commander";
import { Misconfigured } from "../lib/core/errors.ts";
import { toCsv } from "../lib/core/review/csv.ts";
import { reachLine, reachOf } from "../lib/core/review/entry.ts";
import { type Answer, answer, parseParams, queries, sqlOf } from "../lib/core/review/queries.ts";
import type { Cell, Params, Query } from "../lib/core/review/query.ts";
import { athena, duckdb } from "../lib/core/review/sql.ts";
import type { Cli } from "./main.ts";
import { msOf, openRecord, type RecordOptions, recordOptions } from "./record.ts";
import { table } from "./show.ts";

type Options = RecordOptions & {
  readonly list?: boolean;
  readonly csv?: boolean;
  readonly param: readonly string[];
  readonly sql?: "duckdb" | "athena";
};

const list = (cli: Cli): void =>
  cli.show(
    {
      queries: queries.map(({ id, title, basis, params, columns }) => ({ id, title, basis, params, columns })),
    },
    () => [
      table(
        ["QUERY", "ANSWERS", "PARAMETERS"],
        queries.map(({ id, title, params }) => [id, title, params.map(({ name }) => name).join(" ") || "-"]),
      ),
      "",
      ...queries.map(({ id, basis }) => `${id}: ${basis}`),
    ],
  );

/** The query of that number. Throws Misconfigured where there is none. */
const queryOf = (id: string): Query => {
  const found = queries.find((query) => query.id === id.toUpperCase());
  if (found) return found;
  throw new Misconfigured(`there is no query ${id}; \`rekey query --list\` tells which there are`);
};

const given = (texts: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new Misconfigured(`--param ${text}: say NAME=VALUE`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );

const paramsOf = (query: Query, texts: readonly string[]): Params => {
  const parsed = parseParams(query, given(texts));
  if ("params" in parsed) return parsed.params;
  throw new Misconfigured(`${query.id}: ${parsed.problems.join("; ")}. Give --param NAME=VALUE`);
};

const shown = (value: Cell): string => {
  if (value === null) return "-";
  return typeof value === "number" && !Number.isInteger(value) ? value.toFixed(1) : String(value);
};

/** Says of which log an answer is: it can be computed again from that. */
export const asOfLine = (asOf: Answer["asOf"]): string => `as of ${asOf.at}: ${reachLine(asOf)}, root ${asOf.root}`;

const lines = (query: Query, { rows, basis, asOf }: Answer): readonly string[] => [
  query.title,
  "",
  rows.length === 0
    ? query.rowsAre === "findings"
      ? "None."
      : "Nothing is recorded."
    : table(
        query.columns.map(({ name }) => name.toUpperCase()),
        rows.map((row) => query.columns.map(({ name }) => shown(row[name] ?? null))),
      ),
  "",
  basis,
  asOfLine(asOf),
];

const FROM = {
  duckdb: "(SELECT json AS line FROM read_json_objects('events/*/*.ndjson.gz', format = 'newline_delimited')) AS files",
  athena: "rekey_events",
} as const;

const ask = async (cli: Cli, id: string, options: Options): Promise<void> => {
  const query = queryOf(id);
  const params = paramsOf(query, options.param);
  const { log, asOf } = await openRecord(cli, options);
  if (options.sql) {
    const at = { size: reachOf(asOf), ms: msOf(asOf.at) };
    const sql = sqlOf(query, params, options.sql === "athena" ? athena : duckdb, { lines: FROM[options.sql] }, at);
    return cli.show({ query: query.id, params, asOf, sql }, () => [sql]);
  }
  const told = answer(query, params, log.entries, asOf, msOf);
  if (options.csv) process.stdout.write(toCsv(query.columns, told.rows));
  else cli.show(told, () => lines(query, told));
};

/** Adds `query`: one question, answered from the sealed log. */
export const queryCommand = (program: Command, cli: Cli): void => {
  recordOptions(
    program
      .command("query")
      .description("answer a question of reviewers from the sealed log; says as of which size and root")
      .argument("[id]", "such as Q1; --list tells which there are")
      .option("--list", "every question, what answers it, and what is not recorded")
      .option("--param <name=value>", "a parameter of the query", (one, all: readonly string[]) => [...all, one], []),
  )
    .addOption(new Option("--csv", "print the rows as CSV").conflicts("sql"))
    .addOption(new Option("--sql <engine>", "print the query as SQL instead").choices(["duckdb", "athena"]))
    .action((id: string | undefined, options: Options) => {
      if (options.list || id === undefined) return list(cli);
      return ask(cli, id, options);
    });
};
