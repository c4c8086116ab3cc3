/** What differs between the engines. Everything else keeps to the subset that both take. */
export type Dialect = {
  readonly name: "duckdb" | "athena";
  /** Text at a JSON path, null when nothing is there. */
  readonly text: (json: string, path: string) => string;
  /** Milliseconds since 1970 of ISO 8601 text. */
  readonly ms: (iso: string) => string;
  /** A FROM clause with one row per text of the JSON array at a path, as `alias(value)`. */
  readonly each: (json: string, path: string, alias: string) => string;
  /** Before the bracket of a WITH table of columns: it is read where it is used, each time only as far as needed. */
  readonly inline: string;
};

/** json_extract_string, epoch_ms and from_json: duckdb.org/docs, JSON and timestamp functions. */
export const duckdb: Dialect = {
  name: "duckdb",
  text: (json, path) => `json_extract_string(${json}, '${path}')`,
  ms: (iso) => `epoch_ms(CAST(${iso} AS TIMESTAMP))`,
  each: (json, path, alias) =>
    `CROSS JOIN UNNEST(CAST(json_extract(${json}, '${path}') AS VARCHAR[])) AS ${alias}(value)`,
  // Else it keeps all columns of all rows first: Q1 over 500,000 events took half as long again (DuckDB 1.5.5).
  inline: "NOT MATERIALIZED ",
};

/** Trino's functions, as Athena engine version 3 has them (trino.io/docs, JSON and date functions). */
export const athena: Dialect = {
  name: "athena",
  text: (json, path) => `json_extract_scalar(${json}, '${path}')`,
  ms: (iso) => `CAST(to_unixtime(from_iso8601_timestamp(${iso})) * 1000 AS BIGINT)`,
  each: (json, path, alias) =>
    `CROSS JOIN UNNEST(CAST(json_extract(${json}, '${path}') AS ARRAY(VARCHAR))) AS ${alias}(value)`,
  inline: "",
};

/** A text literal. */
export const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`;

const FIELDS = {
  id: "id",
  stream: "subject",
  happened: "time",
  receivedat: "receivedat",
  actorkind: "actorkind",
} as const;

/**
 * Where a statement finds its events: `lines`, one JSON text a row in a column `line`, as the archive's event files are; or
 * `columns`, a table that has them already, as one compacted from those.
 */
export type From = { readonly lines: string } | { readonly columns: string };

const COLUMNS = "idx, id, stream, type, happened, ms, seq, receivedat, actorkind, actor, reason, data";

const fromLines = ({ text, ms }: Dialect, lines: string, size: number): string => `events AS (
  SELECT idx, id, stream, substr(kind, 10, length(kind) - 12) AS type, happened, ${ms("happened")} AS ms, seq, receivedat,
    actorkind, actor, reason, data
  FROM (
    SELECT CAST(${text("line", "$.index")} AS BIGINT) AS idx, ${text("line", "$.type")} AS kind,
      CAST(${text("line", "$.seq")} AS BIGINT) AS seq, ${text("line", "$.actor")} AS actor,
      ${text("line", "$.reason")} AS reason, json_extract(line, '$.data') AS data,
      ${Object.entries(FIELDS)
        .map(([name, path]) => `${text("line", `$.${path}`)} AS ${name}`)
        .join(", ")}
    FROM ${lines}
  ) AS lines
  WHERE idx < ${size}
)`;

/** The table `events`: the first so many of the log. */
export const eventsOf = (dialect: Dialect, from: From, size: number): string =>
  "lines" in from
    ? fromLines(dialect, from.lines, size)
    : `events AS ${dialect.inline}(SELECT ${COLUMNS} FROM ${from.columns} WHERE idx < ${size})`;

/** What more than one query asks of a credential; see fold.ts, which says the same of entries in memory. */
const derived = ({ text }: Dialect): Readonly<Record<string, string>> => ({
  registered: `registered AS (
  SELECT stream, kind, workload, network FROM (
    SELECT stream, ${text("data", "$.kind")} AS kind, ${text("data", "$.workload")} AS workload,
      ${text("data", "$.network")} AS network, ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx DESC) AS n
    FROM events WHERE type = 'inventory.registered'
  ) AS all_registered WHERE n = 1
)`,
  credentials: `credentials AS (
  SELECT stream, happened AS firstat, ms AS firstms FROM (
    SELECT stream, happened, ms, ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx) AS n
    FROM events WHERE stream LIKE 'arn:%'
  ) AS all_events WHERE n = 1
)`,
  taken: `taken AS (
  SELECT stream, idx, happened, ms, ${text("data", "$.version")} AS version, ${text("data", "$.replaced")} AS replaced
  FROM events
  WHERE type = 'rotation.succeeded' OR (type = 'rotation.repaired' AND ${text("data", "$.repair")} = 'promote')
  UNION ALL
  SELECT stream, idx, happened, ms, ${text("data", "$.replacement")} AS version, NULL AS replaced
  FROM events WHERE type = 'containment.effective' AND ${text("data", "$.replacement")} IS NOT NULL
)`,
  latest: `latest AS (
  SELECT stream, idx, happened, ms, version FROM (
    SELECT stream, idx, happened, ms, version, ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx DESC) AS n FROM taken
  ) AS all_taken WHERE n = 1
)`,
});

/** The WITH clause of a query: its events, then what it uses of the derived tables, in the order in which they build. */
export const withClause = (dialect: Dialect, events: string, body: string): string => {
  const tables = derived(dialect);
  const used = Object.keys(tables).filter(
    (name) => new RegExp(`\\b${name}\\b`).test(body) || (name === "taken" && /\blatest\b/.test(body)),
  );
  return `WITH ${[events, ...used.map((name) => tables[name])].join(",\n")}`;
};

/** Nearest-rank percentile over a table that has `rank` (from 1) and `n` (how many): the twin of `percentile`. */
export const ranked = (value: string, percent: number, rank: string, n: string): string =>
  `MAX(CASE WHEN ${rank} = CAST(FLOOR((${percent} * ${n} + 99) / 100.0) AS BIGINT) THEN ${value} END)`;
