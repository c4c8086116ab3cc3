import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { parseParams, queries, sqlOf } from "../lib/core/review/queries.ts";
import { duckdb } from "../lib/core/review/sql.ts";
import { type Row, row, timed } from "./stats.ts";

const CREDENTIALS = 1_000_000;
const QUICK_CREDENTIALS = 50_000;
/** Of each credential: registered, four rotations with the end of what each replaced, and one event more. */
const EVENTS_EACH = 10;
const HISTORIES = 200;
const RUNS = 20;
const START_MS = Date.parse("2026-01-01T00:00:00Z");
const DAY_MS = 86_400_000;
/** One credential in so many is overdue. */
const OVERDUE_EVERY = 100;

const arnSql = (n: string) => `'arn:aws:secretsmanager:eu-central-1:111122223333:secret:c' || ${n}`;

/** Events in the columns that compaction gives, by credential: where one's events are, few row groups have to be read. */
const generated = (credentials: number): string => `
SELECT c + ${credentials} * k AS idx, 'e' || k AS id, ${arnSql("c")} AS stream,
  CASE WHEN k = 0 THEN 'inventory.registered' WHEN k = 9 AND c % ${OVERDUE_EVERY} = 0 THEN 'rotation.overdue'
    WHEN k = 9 THEN 'consumer.acknowledged' WHEN k % 2 = 1 THEN 'rotation.succeeded' ELSE 'version.retired' END AS type,
  strftime(make_timestamp((${START_MS} + ${DAY_MS} * k * 7) * 1000), '%Y-%m-%dT%H:%M:%S.000Z') AS happened,
  ${START_MS} + ${DAY_MS} * k * 7 AS ms, k + 1 AS seq, happened AS receivedat, 'schedule' AS actorkind, 'clock' AS actor,
  NULL::VARCHAR AS reason,
  CASE WHEN k = 0 THEN '{"kind":"postgres","network":"default","workload":"w' || (c % 5000) || '"}'
    WHEN k = 9 AND c % ${OVERDUE_EVERY} = 0
      THEN '{"keeper":"rekey","owed":"2026-03-01T00:00:00.000Z","schedule":"rate(7 days)","why":"the target is down"}'
    WHEN k = 9 THEN '{"consumer":"web","version":"v4"}'
    WHEN k % 2 = 1 THEN '{"durationMs":' || (c % 900 + 100) || ',"replaced":"v' || ((k - 1) // 2) || '","version":"v' || ((k + 1) // 2) || '"}'
    ELSE '{"replacedAt":"2026-01-01T00:00:00.000Z","sessionsEnded":1,"version":"v' || (k // 2 - 1) || '"}' END AS data
FROM range(${credentials}) AS cs(c), range(${EVENTS_EACH}) AS ks(k)`;

const statement = (id: string, given: Readonly<Record<string, string>>, path: string, size: number): string => {
  const query = queries.find((one) => one.id === id);
  if (!query) throw new Error(`there is no query ${id}`);
  const parsed = parseParams(query, given);
  if (!("params" in parsed)) throw new Error(parsed.problems.join("; "));
  const at = { size, ms: START_MS + 70 * DAY_MS };
  return sqlOf(query, parsed.params, duckdb, { columns: `read_parquet('${path}')` }, at);
};

/** Long-range questions by DuckDB on one Parquet file of the archive's events. */
export const run = async ({ quick }: { readonly quick: boolean }): Promise<readonly Row[]> => {
  const credentials = quick ? QUICK_CREDENTIALS : CREDENTIALS;
  const size = credentials * EVENTS_EACH;
  const dir = await mkdtemp(join(tmpdir(), "rekey-bench-review-"));
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "4GB", threads: "2", temp_directory: dir });
  const connection = await instance.connect();
  try {
    const path = join(dir, "events.parquet");
    await connection.run(
      `COPY (SELECT * FROM (${generated(credentials)}) ORDER BY stream, idx) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    const { size: bytes } = await stat(path);
    const note = `${size.toLocaleString("en")} events of ${credentials.toLocaleString("en")} credentials, ${Math.round(bytes / 1e6)} MB of Parquet`;
    const ask = async (sql: string, expected: number): Promise<number> => {
      let rows = 0;
      const ms = await timed(async () => {
        rows = (await connection.runAndReadAll(sql)).currentRowCount;
      });
      if (rows !== expected) throw new Error(`${rows} rows where ${expected} were generated`);
      return ms;
    };
    const histories: number[] = [];
    for (let n = 0; n < (quick ? RUNS : HISTORIES); n += 1) {
      const credential = `arn:aws:secretsmanager:eu-central-1:111122223333:secret:c${(n * 7919) % credentials}`;
      histories.push(await ask(statement("Q17", { credential }, path, size), EVENTS_EACH));
    }
    const overdue: number[] = [];
    for (let n = 0; n < RUNS; n += 1)
      overdue.push(await ask(statement("Q1", {}, path, size), credentials / OVERDUE_EVERY));
    return [row("review: history of one credential", histories, { note }), row("review: all that is overdue", overdue)];
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(dir, { recursive: true });
  }
};
