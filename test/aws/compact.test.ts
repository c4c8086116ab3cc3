import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CreateBucketCommand, GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, it } from "vitest";
import { s3Objects } from "../../lib/aws/archive.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { s3Paths } from "../../lib/aws/paths.ts";
import { gzip } from "../../lib/core/ledger/gzip.ts";
import { inParallel } from "../../lib/core/ledger/parallel.ts";
import { names } from "../../lib/core/names.ts";
import type { Aws } from "../../lib/core/types.ts";
import type { LocalAws } from "../../local/aws.ts";
import { arn, lineOf, logOf, START } from "../review/logs.ts";
import { enterLocalAws } from "../support/local-aws.ts";

const PORT = 27_110;
/** More than S3 lists on one page. */
const FILES = 1005;
const { signal } = new AbortController();
let dir: string;
let aws: Aws;
let local: LocalAws;
let leave: () => Promise<void>;

beforeAll(async () => {
  ({ local, dir, leave } = await enterLocalAws({}, PORT));
  aws = makeAws();
  const { account, region } = local;
  for (const Bucket of [names().archiveBucket(account, region), names().parquetBucket(account, region)])
    await aws(S3Client).send(new CreateBucketCommand({ Bucket }));
}, 120_000);
afterAll(() => leave());

it("the function makes Parquet of the days that are over, from more event files than one page lists", async () => {
  const { account, region } = local;
  const archive = s3Objects({ aws, bucket: names().archiveBucket(account, region) });
  const entries = logOf(
    Array.from({ length: FILES }, (_, n) => ({
      stream: arn(`c${n % 7}`),
      type: "inventory.registered",
      at: START + n,
      data: { kind: "postgres", workload: "orders", network: "default" },
    })),
  );
  await inParallel(entries, 16, async (entry) => {
    const day = entry.index === FILES - 1 ? "2026-01-02" : "2026-01-01";
    const path = `events/dt=${day}/${entry.index}-${entry.index + 1}-00.ndjson.gz`;
    await archive.create(path, await gzip.pack(new TextEncoder().encode(`${lineOf(entry)}\n`)), signal);
  });
  const { handler } = await import("../../functions/compact.ts");
  const run = () => handler({}, { getRemainingTimeInMillis: () => 600_000 } as never);
  expect(await run()).toEqual({ files: 1 });
  expect(await run()).toEqual({ files: 0 });
  const Bucket = names().parquetBucket(account, region);
  const Key = `parquet/dt=2026-01-01/0-${FILES - 1}.parquet`;
  expect(await s3Paths(aws, Bucket)("parquet/", "parquet/", signal)).toEqual([Key]);
  const { Body } = await aws(S3Client).send(new GetObjectCommand({ Bucket, Key }));
  const file = join(dir, "day.parquet");
  writeFileSync(file, (await Body?.transformToByteArray()) ?? "");
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const told = await connection.runAndReadAll(
    `SELECT COUNT(*)::INT AS n, MIN(idx)::INT AS low, MAX(idx)::INT AS high, COUNT(DISTINCT stream)::INT AS streams FROM read_parquet('${file}')`,
  );
  expect(told.getRowObjectsJS()).toEqual([{ n: FILES - 1, low: 0, high: FILES - 2, streams: 7 }]);
  connection.closeSync();
}, 60_000);
