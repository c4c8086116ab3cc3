import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
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

/** Entries of one Parquet file, and of one row group in it: those of compaction. */
const [PART, GROUP] = [100_000, 20_480];

/**
 * One file of events in the columns that compaction gives, sorted as it sorts: by stream, of what happened in one week.
 * Credentials come in no order, so that each week's event of one may lie in any of the week's files.
 */
const generated = (credentials: number, week: number, from: number): string => `
SELECT i + ${credentials} * k AS idx, 'e' || k AS id, ${arnSql("c")} AS stream,
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
FROM (SELECT i, (i * 7919) % ${credentials} AS c, ${week}::BIGINT AS k
  FROM range(${from}, ${Math.min(from + PART, credentials)}) AS numbers(i)) AS placed
ORDER BY stream, idx`;

/** All files of the archive; how many bytes they have. */
const makeFiles = async (connection: DuckDBConnection, dir: string, credentials: number): Promise<number> => {
  let bytes = 0;
  for (let week = 0; week < EVENTS_EACH; week += 1)
    for (let from = 0; from < credentials; from += PART) {
      const path = join(dir, `${week}-${from}.parquet`);
      await connection.run(
        `COPY (${generated(credentials, week, from)}) TO '${path}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${GROUP})`,
      );
      bytes += (await stat(path)).size;
    }
  return bytes;
};

const statement = (id: string, given: Readonly<Record<string, string>>, path: string, size: number): string => {
  const query = queries.find((one) => one.id === id);
  if (!query) throw new Error(`there is no query ${id}`);
  const parsed = parseParams(query, given);
  if (!("params" in parsed)) throw new Error(parsed.problems.join("; "));
  const at = { size, ms: START_MS + 70 * DAY_MS };
  return sqlOf(query, parsed.params, duckdb, { columns: `read_parquet('${path}')` }, at);
};

const asker =
  (connection: DuckDBConnection) =>
  async (sql: string, expected: number): Promise<number> => {
    let rows = 0;
    const ms = await timed(async () => {
      rows = (await connection.runAndReadAll(sql)).currentRowCount;
    });
    if (rows !== expected) throw new Error(`${rows} rows where ${expected} were generated`);
    return ms;
  };

type Asked = { readonly figures: readonly number[]; readonly floor: readonly number[] };

const times = async (runs: number, one: (n: number) => Promise<readonly [number, number]>): Promise<Asked> => {
  const pairs: (readonly [number, number])[] = [];
  for (let n = 0; n < runs; n += 1) pairs.push(await one(n));
  return { figures: pairs.map(([figure]) => figure), floor: pairs.map(([, floor]) => floor) };
};

/** Long-range questions by DuckDB on Parquet files as compaction writes them, each in turn with a plain reading of its rows. */
export const run = async ({ quick }: { readonly quick: boolean }): Promise<readonly Row[]> => {
  const credentials = quick ? QUICK_CREDENTIALS : CREDENTIALS;
  const size = credentials * EVENTS_EACH;
  const dir = await mkdtemp(join(tmpdir(), "rekey-bench-review-"));
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "4GB", threads: "2", temp_directory: dir });
  const connection = await instance.connect();
  try {
    const bytes = await makeFiles(connection, dir, credentials);
    const path = join(dir, "*.parquet");
    const note = `${size.toLocaleString("en")} events of ${credentials.toLocaleString("en")} credentials, ${Math.round(bytes / 1e6)} MB of Parquet; floor: its rows alone, read plainly`;
    const ask = asker(connection);
    const plain = `SELECT data FROM read_parquet('${path}') WHERE`;
    const histories = await times(quick ? RUNS : HISTORIES, async (n) => {
      const credential = `arn:aws:secretsmanager:eu-central-1:111122223333:secret:c${(n * 7919) % credentials}`;
      return [
        await ask(statement("Q17", { credential }, path, size), EVENTS_EACH),
        await ask(`${plain} stream = '${credential}'`, EVENTS_EACH),
      ];
    });
    const late = credentials / OVERDUE_EVERY;
    const overdue = await times(RUNS, async () => [
      await ask(statement("Q1", {}, path, size), late),
      await ask(`${plain} type = 'rotation.overdue'`, late),
    ]);
    return [
      row("review: history of one credential", histories.figures, { floor: histories.floor, note }),
      row("review: all that is overdue", overdue.figures, { floor: overdue.floor }),
    ];
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(dir, { recursive: true });
  }
};
