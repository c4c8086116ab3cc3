import { spawnSync } from "node:child_process";
import { CreateTableCommand, DynamoDBClient, type ScalarAttributeType } from "@aws-sdk/client-dynamodb";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kmsAppendKeys } from "../../lib/aws/append-keys.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoLedger } from "../../lib/aws/ledger.ts";
import { dynamoReview } from "../../lib/aws/projection.ts";
import { names } from "../../lib/core/names.ts";
import { credentialList, dayLists, type ReviewStore } from "../../lib/core/review/store.ts";
import type { Aws } from "../../lib/core/types.ts";
import { foldInto } from "../../lib/engine/project.ts";
import { memoryReview, reviewTable } from "../../lib/memory/review.ts";
import type { LocalAws } from "../../local/aws.ts";
import { arn, type Draft, instant, logOf, START } from "../review/logs.ts";
import { enterLocalAws } from "../support/local-aws.ts";

const PORT = 21_610;
const string = (AttributeName: string) => ({ AttributeName, AttributeType: "S" as ScalarAttributeType });
const keys = (hash: string, range: string) => [
  { AttributeName: hash, KeyType: "HASH" as const },
  { AttributeName: range, KeyType: "RANGE" as const },
];

let aws: Aws;
let local: LocalAws;
let leave: () => Promise<void>;
const set = process.env;

const makeTable = (TableName: string, IndexName: string) =>
  aws(DynamoDBClient).send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["PK", "SK", "gpk", "gsk"].map(string),
      KeySchema: keys("PK", "SK"),
      GlobalSecondaryIndexes: [
        { IndexName, KeySchema: keys("gpk", "gsk"), Projection: { ProjectionType: "ALL" as const } },
      ],
    }),
  );

beforeAll(async () => {
  ({ local, leave } = await enterLocalAws({ REKEY_RETENTION_DAYS: "0" }, PORT));
  aws = makeAws();
  const n = names();
  await makeTable(n.ledgerTable, "pending");
  await makeTable(n.reviewTable, "lists");
  for (const Bucket of [n.archiveBucket(local.account, local.region), n.workBucket(local.account, local.region)])
    await aws(S3Client).send(new CreateBucketCommand({ Bucket }));
  const key = await aws(KMSClient).send(
    new CreateKeyCommand({ KeySpec: "ECC_NIST_EDWARDS25519", KeyUsage: "SIGN_VERIFY" }),
  );
  const TargetKeyId = key.KeyMetadata?.KeyId;
  await aws(KMSClient).send(new CreateAliasCommand({ AliasName: n.ledgerKeyAlias, TargetKeyId }));
  const mac = await aws(KMSClient).send(new CreateKeyCommand({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" }));
  const append = { AliasName: n.appendKeyAlias, TargetKeyId: mac.KeyMetadata?.KeyId };
  await aws(KMSClient).send(new CreateAliasCommand(append));
}, 120_000);
afterAll(() => leave());

const overdue = (name: string, n: number): Draft => ({
  stream: arn(name),
  type: "rotation.overdue",
  at: START + n,
  data: { owed: instant(START + n), keeper: "rekey", schedule: "rate(1 day)", why: "x".repeat(n) },
});

describe("the projection in DynamoDB", () => {
  const both = async (store: ReviewStore, drafts: readonly Draft[]) => {
    const memory = memoryReview(reviewTable());
    const { lines, states } = foldInto(new Map(), logOf(drafts));
    for (const one of [store, memory]) await one.write(lines, states);
    return memory;
  };

  it("answers as the one in memory does: pages over 1 MB, days, states, the overdue in order", async () => {
    const store = dynamoReview(aws, names().reviewTable);
    const drafts = Array.from({ length: 300 }, (_, n) =>
      overdue(n < 100 ? "long" : `c${n % 20}`, n < 100 ? 14_000 : n),
    );
    const memory = await both(store, drafts);
    const list = credentialList(arn("long"));
    for (const [after, limit] of [
      [-1, 1000],
      [-1, 100],
      [-1, 99],
      [50, 7],
      [99, 7],
    ] as const)
      expect(await store.page(list, after, limit)).toEqual(await memory.page(list, after, limit));
    for (const day of dayLists("2026-01-01"))
      expect(await store.page(day, 3, 500)).toEqual(await memory.page(day, 3, 500));
    expect(await store.overdue()).toEqual(await memory.overdue());
    const ids = [arn("long"), arn("c3"), arn("nobody")];
    expect(await store.states(ids)).toEqual(await memory.states(ids));
  }, 60_000);

  it("moves its watermark by compare and swap, keeps the state that has seen more, and forgets all when told", async () => {
    const store = dynamoReview(aws, names().reviewTable);
    const mark = { size: 5, root: "aa", at: instant(START), signed: 5 };
    expect(await store.advance(3, mark)).toBe(false);
    expect(await store.advance(0, mark)).toBe(true);
    expect(await store.advance(0, mark)).toBe(false);
    expect(await store.advance(5, { ...mark, size: 9 })).toBe(true);
    expect(await store.advance(5, mark)).toBe(false);
    expect(await store.watermark()).toEqual({ ...mark, size: 9 });
    const [old, fresh] = [1, 2].map((count) => {
      const { states } = foldInto(new Map(), logOf(Array.from({ length: count }, (_, n) => overdue("one", n + 1))));
      return states[0] ?? expect.fail();
    });
    if (!old || !fresh) throw new Error("no states");
    await store.write([], [fresh]);
    await store.write([], [old]);
    expect((await store.states([arn("one")])).get(arn("one"))).toEqual(fresh);
    await store.clear();
    expect(await store.watermark()).toBeUndefined();
    expect(await store.overdue()).toEqual([]);
    expect((await store.page(credentialList(arn("long")), -1, 10)).events).toEqual([]);
  }, 60_000);

  it("follows the sealed log through the functions, and records who takes evidence", async () => {
    const ledger = dynamoLedger({ aws, table: names().ledgerTable, keys: kmsAppendKeys(aws, names().appendKeyAlias) });
    const run = async (entry: "seal" | "project", event: object) => {
      const { handler } = await import(`../../functions/${entry}.ts`);
      return (await handler(event, { getRemainingTimeInMillis: () => 60_000 })) as Record<string, unknown>;
    };
    expect(await run("project", {})).toEqual({ steps: 0, size: 0, signed: 0 });
    const [first] = logOf([overdue("sealed", 1)]);
    if (!first) throw new Error("no event");
    const { seq: _, index: __, receivedAt: ___, ...event } = first;
    await ledger.append(event);
    await run("seal", {});
    expect(await run("project", {})).toEqual({ steps: 1, size: 1, signed: 1 });
    const root = "0".repeat(64);
    const actor = { kind: "human", principal: "arn:aws:iam::1:user/auditor" };
    const accessed = { id: "r-1", what: "nist-csf:RS.MI-01", size: 1, root, actor };
    expect(await run("project", { accessed })).toEqual({ recorded: 1 });
    expect(await run("project", { accessed })).toEqual({ recorded: 1 });
    await run("seal", {});
    expect(await run("project", { rebuild: true })).toEqual({ steps: 1, size: 2, signed: 2 });
    const store = dynamoReview(aws, names().reviewTable);
    expect((await store.overdue()).map(({ id }) => id)).toEqual([arn("sealed")]);
    expect((await store.page(credentialList("review"), -1, 5)).events).toMatchObject([
      { type: "evidence.taken", actor, data: { what: "nist-csf:RS.MI-01", size: 1 } },
    ]);

    const rekey = (...args: string[]) => {
      const { stdout, stderr, status } = spawnSync(process.execPath, ["cli/main.ts", "--json", ...args], {
        encoding: "utf8",
        env: set,
        timeout: 60_000,
      });
      return status === 0 ? (JSON.parse(stdout) as Record<string, unknown>) : { failed: stderr };
    };
    const asOf = { size: 2, signed: 2, root: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect(rekey("trail", "--overdue")).toMatchObject({ overdue: [{ id: arn("sealed") }], asOf });
    expect(rekey("trail", "--day", "2026-01-01")).toMatchObject({ events: [{ index: 0 }], asOf });
    expect(rekey("trail", "--day", "yesterday")).toMatchObject({ failed: expect.stringMatching(/2026-11-23/) });
    expect(rekey("trail", "--approvals", "--month", "2026-01")).toMatchObject({ events: [], asOf });
    expect(rekey("trail")).toMatchObject({ failed: expect.stringMatching(/say one of/) });
    expect(rekey("query", "Q1")).toMatchObject({ rows: [{ credential: arn("sealed") }], asOf: { size: 2 } });
  }, 60_000);
});
