import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeParquet } from "../../lib/aws/parquet.ts";
import { Fork, Malformed } from "../../lib/core/ledger/errors.ts";
import { gzip } from "../../lib/core/ledger/gzip.ts";
import type { Sealed } from "../../lib/core/review/entry.ts";
import { parseParams, queries, sqlOf } from "../../lib/core/review/queries.ts";
import type { Query } from "../../lib/core/review/query.ts";
import { duckdb, type From } from "../../lib/core/review/sql.ts";
import { compactUntilIdle } from "../../lib/engine/compact.ts";
import { Crash, type FaultPlan, faults } from "../../lib/memory/faults.ts";
import { type Bucket, bucket, memoryObjects } from "../../lib/memory/objects.ts";
import { typed } from "./duck.ts";
import { arn, drafts, lineOf, logOf, ms, START } from "./logs.ts";

const { signal } = new AbortController();
const DAY = 86_400_000;
const dayOf = (day: number) => new Date(START + day * DAY).toISOString().slice(0, 10);

/** Event files as the sealer writes them: commits of these many entries, so many of them a day. */
const archived = async (entries: readonly Sealed[], commit: number, perDay: number): Promise<Bucket> => {
  const held = bucket();
  for (let from = 0, n = 0; from < entries.length; from += commit, n += 1) {
    const some = entries.slice(from, from + commit);
    const path = `events/dt=${dayOf(Math.floor(n / perDay))}/${from}-${from + some.length}-00ff.ndjson.gz`;
    held.objects.set(path, await gzip.pack(new TextEncoder().encode(some.map((one) => `${lineOf(one)}\n`).join(""))));
  }
  return held;
};

const listOf = (held: Bucket) => async (prefix: string, after: string) =>
  [...held.objects.keys()].filter((path) => path.startsWith(prefix) && path > after).sort();

const portsOf = (archive: Bucket, parquet: Bucket, plan: FaultPlan = {}) => ({
  archive: { ...memoryObjects(archive), list: listOf(archive) },
  parquet: { ...memoryObjects(parquet, faults(plan)), list: listOf(parquet) },
  packer: gzip,
  write: writeParquet,
  ms,
});
const plain = (count: number) =>
  logOf(
    Array.from({ length: count }, (_, n) => ({
      stream: arn(`c${n % 5}`),
      type: "inventory.registered",
      at: START + n * 1000,
      data: { kind: "postgres", workload: `w${n % 3}`, network: "default" },
    })),
  );
const compacted = async (archive: Bucket, most?: number) => {
  const parquet = bucket();
  await compactUntilIdle(portsOf(archive, parquet), signal, () => true, most);
  return parquet;
};

describe("compaction", () => {
  it("cuts at days and at so many entries, and leaves the day that is not over", async () => {
    const paths = [...(await compacted(await archived(plain(50), 4, 5), 8)).objects.keys()];
    expect(paths).toEqual([
      `parquet/dt=${dayOf(0)}/0-8.parquet`,
      `parquet/dt=${dayOf(0)}/8-16.parquet`,
      `parquet/dt=${dayOf(0)}/16-20.parquet`,
      `parquet/dt=${dayOf(1)}/20-28.parquet`,
      `parquet/dt=${dayOf(1)}/28-36.parquet`,
      `parquet/dt=${dayOf(1)}/36-40.parquet`,
      `parquet/dt=${dayOf(2)}/40-48.parquet`,
    ]);
  });
  it("comes to the same files however often it dies, before or after a file was put, and twice is once", async () => {
    const archive = await archived(plain(50), 4, 5);
    const whole = await compacted(archive, 8);
    for (let call = 1; call <= whole.objects.size; call += 1) {
      for (const mode of ["before", "after"] as const) {
        const parquet = bucket();
        const dying = compactUntilIdle(portsOf(archive, parquet, { at: call, mode }), signal, () => true, 8);
        await expect(dying).rejects.toThrow(Crash);
        await compactUntilIdle(portsOf(archive, parquet), signal, () => true, 8);
        expect(parquet.objects).toEqual(whole.objects);
        expect(await compactUntilIdle(portsOf(archive, parquet), signal, () => true, 8)).toBe(0);
      }
    }
  });
  it("comes to the same files while the log grows and while another run is at work", async () => {
    const entries = plain(50);
    const parquet = bucket();
    for (let to = 4; to <= 52; to += 4) {
      const archive = await archived(entries.slice(0, to), 4, 5);
      await Promise.all([1, 2].map(() => compactUntilIdle(portsOf(archive, parquet), signal, () => true, 8)));
    }
    expect(parquet.objects).toEqual((await compacted(await archived(entries, 4, 5), 8)).objects);
  });
  it("halts where an event file is missing or holds other entries than its name says", async () => {
    const gap = await archived(plain(30), 4, 3);
    const second = [...gap.objects.keys()][1] ?? expect.fail();
    const taken = gap.objects.get(second) ?? expect.fail();
    gap.objects.delete(second);
    await expect(compacted(gap)).rejects.toThrow(Fork);
    gap.objects.set(second, gap.objects.get([...gap.objects.keys()][0] ?? "") ?? taken);
    await expect(compacted(gap)).rejects.toThrow(Malformed);
  });
});

describe("Parquet and JSON give one answer", () => {
  let dir: string;
  let instance: DuckDBInstance;
  let connection: DuckDBConnection;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "rekey-parquet-"));
    instance = await DuckDBInstance.create(":memory:");
    connection = await instance.connect();
  });
  afterAll(async () => {
    connection.closeSync();
    instance.closeSync();
    await rm(dir, { recursive: true });
  });

  let files = 0;
  const put = async (held: Bucket, ending: string): Promise<string> => {
    files += 1;
    await Promise.all([...held.objects.values()].map((one, n) => writeFile(join(dir, `${files}-${n}.${ending}`), one)));
    return join(dir, `${files}-*.${ending}`);
  };
  const ask = async (query: Query, from: From, size: number) => {
    const parsed = parseParams(query, query.id === "Q17" ? { credential: arn("a") } : {});
    if (!("params" in parsed)) expect.fail(parsed.problems.join());
    const sql = sqlOf(query, parsed.params, duckdb, from, { size, ms: START + 150 * DAY });
    return (await connection.runAndReadAll(sql)).getRowObjectsJS().map((row) => typed(query, row));
  };

  it("to every query, on any history", async () => {
    let told = 0;
    const property = fc.asyncProperty(drafts, async (some) => {
      const entries = [...logOf(some), ...plain(1).map((one) => ({ ...one, index: some.length }))];
      const archive = await archived(entries, 7, 3);
      const json = await put(archive, "ndjson.gz");
      // An event of a later day, so that all of the log is of days that are over.
      archive.objects.set(
        `events/dt=${dayOf(400)}/${entries.length}-${entries.length + 1}-00ff.ndjson.gz`,
        new Uint8Array(),
      );
      const parquet = await put(await compacted(archive, 20), "parquet");
      const lines = `(SELECT json AS line FROM read_json_objects('${json}', format = 'newline_delimited')) AS files`;
      for (const query of queries) {
        const ofJson = await ask(query, { lines }, entries.length);
        const columns = `read_parquet('${parquet}')`;
        expect(await ask(query, { columns }, entries.length), query.id).toEqual(ofJson);
        told += ofJson.length;
      }
    });
    await fc.assert(property, { numRuns: 12 });
    expect(told).toBeGreaterThan(100);
  }, 120_000);
});
