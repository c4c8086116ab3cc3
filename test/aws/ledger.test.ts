import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeleteObjectCommand, GetObjectRetentionCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kmsAppendKeys } from "../../lib/aws/append-keys.ts";
import { s3Objects } from "../../lib/aws/archive.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { systemClock } from "../../lib/aws/clock.ts";
import { documents } from "../../lib/aws/document.ts";
import { dynamoLedger } from "../../lib/aws/ledger.ts";
import { eventKey } from "../../lib/aws/ledger-keys.ts";
import { queueSpool } from "../../lib/aws/queue.ts";
import { dynamoInbox, dynamoLock } from "../../lib/aws/sequencer-store.ts";
import { kmsSigner } from "../../lib/aws/signer.ts";
import { toText } from "../../lib/core/ledger/bytes.ts";
import { parseEvent } from "../../lib/core/ledger/entry.ts";
import { gzip } from "../../lib/core/ledger/gzip.ts";
import { inParallel } from "../../lib/core/ledger/parallel.ts";
import { tilePath } from "../../lib/core/ledger/tiles.ts";
import { names } from "../../lib/core/names.ts";
import type { Aws, Clock, Instant } from "../../lib/core/types.ts";
import { macRule } from "../../lib/engine/mac-rule.ts";
import { sealUntilIdle } from "../../lib/engine/seal.ts";
import type { SealPorts } from "../../lib/engine/seal-finish.ts";
import type { LocalAws } from "../../local/aws.ts";
import { inboxContract } from "../contract/inbox.ts";
import { eventOf, ledgerContract } from "../contract/ledger.ts";
import { makeLedger } from "../support/ledger-stores.ts";
import { enterLocalAws } from "../support/local-aws.ts";

let local: LocalAws;
let leave: () => Promise<void>;
let dir: string;
let aws: Aws;
const set = process.env;

beforeAll(async () => {
  ({ local, dir, leave } = await enterLocalAws({ REKEY_RETENTION_DAYS: "1" }));
  aws = makeAws();
  await makeLedger(aws, local.account, local.region);
}, 120_000);
afterAll(() => leave());

describe("the ledger in DynamoDB", () => {
  ledgerContract(() =>
    dynamoLedger({ aws, table: names().ledgerTable, keys: kmsAppendKeys(aws, names().appendKeyAlias) }),
  );

  inboxContract(() => ({
    ledger: dynamoLedger({ aws, table: names().ledgerTable, keys: kmsAppendKeys(aws, names().appendKeyAlias) }),
    inbox: dynamoInbox({ aws, table: names().ledgerTable }),
  }));

  it("spools without what looks like a secret in its reason", async () => {
    const sqs = aws(SQSClient);
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "spool-of-texts" }));
    const token = `github_pat_${"c4Nary".repeat(6)}`;
    await queueSpool(aws, QueueUrl).put(eventOf("spooled", 1, { reason: `found ${token} in a log` }));
    const { Messages: [message] = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    expect(parseEvent(message?.Body ?? "")).toEqual(eventOf("spooled", 1, { reason: "found [secret] in a log" }));
  });

  it("appends to a table that its ARN names, as a function of another account does", async () => {
    const keys = kmsAppendKeys(aws, names().appendKeyAlias);
    const table = `arn:aws:dynamodb:${local.region}:${local.account}:table/${names().ledgerTable}`;
    const there = dynamoLedger({ aws, table, keys });
    expect(await there.append(eventOf("from-afar", 1))).toEqual({ seq: 1 });
    expect(await there.appendBatch([1, 2].map((n) => eventOf("from-afar", n)))).toEqual([{ seq: 1 }, { seq: 2 }]);
    expect(await dynamoLedger({ aws, table: names().ledgerTable, keys }).history("from-afar")).toHaveLength(2);
  });
  it("follows the pages of a history over 1 MB", async () => {
    const ledger = dynamoLedger({ aws, table: names().ledgerTable, keys: kmsAppendKeys(aws, names().appendKeyAlias) });
    for (let n = 0; n < 80; n += 1) await ledger.append(eventOf("long", n, { reason: "x".repeat(15_000) }));
    expect((await ledger.history("long")).map(({ seq }) => seq)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
  }, 60_000);
  it("gives up in the time it was given, and says that the event may be appended again", async () => {
    const hung = makeAws({ endpoint: "http://127.0.0.1:9", retryMode: "standard", maxAttempts: 50 });
    const ledger = dynamoLedger({
      aws: hung,
      table: names().ledgerTable,
      keys: kmsAppendKeys(aws, names().appendKeyAlias),
      timeoutMs: 300,
    });
    const start = performance.now();
    await expect(ledger.append(eventOf("slow", 1))).rejects.toThrow(/rotation\.started:1 of slow .*300 ms/);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe("sealing and proving against the services", () => {
  type Result = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]; readonly sealed: number };
  const seal = async (event: unknown): Promise<Result> => {
    const { handler } = await import("../../functions/seal.ts");
    return (await handler(event, { getRemainingTimeInMillis: () => 60_000 } as never)) as Result;
  };
  const rekey = (...args: string[]) =>
    spawnSync(process.execPath, ["cli/main.ts", "ledger", ...args], { encoding: "utf8", env: set, timeout: 60_000 });
  const message = (id: string, body: string) => ({ eventSource: "aws:sqs", messageId: id, body });

  it("appends what was spooled once, and sends back only what it could not read", async () => {
    const event = eventOf("spooled", 1);
    const records = [message("m1", JSON.stringify(event)), message("m2", "{"), message("m3", JSON.stringify(event))];
    const result = await seal({ Records: records });
    expect(result.batchItemFailures).toEqual([{ itemIdentifier: "m2" }]);
    expect(result.sealed).toBeGreaterThan(0);
    const history = await dynamoLedger({
      aws,
      table: names().ledgerTable,
      keys: kmsAppendKeys(aws, names().appendKeyAlias),
    }).history("spooled");
    expect(history).toMatchObject([{ id: event.id, seq: 1, index: expect.any(Number) }]);
  }, 60_000);

  it("takes spooled events even while the log is halted, and the schedule's run fails aloud", async () => {
    const work = s3Objects({ aws, bucket: names().workBucket(local.account, local.region) });
    const { signal } = new AbortController();
    const size = Number(toText((await work.get("checkpoint", signal))?.bytes ?? expect.fail()).split("\n")[1]);
    const path = tilePath(0, Math.floor(size / 256), size % 256);
    const { bytes, etag } = (await work.get(path, signal)) ?? expect.fail(path);
    await work.replace(path, new Uint8Array(bytes.length), etag, signal);
    const result = await seal({ Records: [message("m4", JSON.stringify(eventOf("halted", 1)))] });
    expect(result).toEqual({ batchItemFailures: [], sealed: 0 });
    await expect(seal({})).rejects.toThrow(/one of them was altered/);
    await work.replace(path, bytes, (await work.get(path, signal))?.etag, signal);
    expect((await seal({})).sealed).toBe(1);
  }, 60_000);

  it("seals at the doorbell and on schedule, in many runs at once, each event once", async () => {
    const ledger = dynamoLedger({ aws, table: names().ledgerTable, keys: kmsAppendKeys(aws, names().appendKeyAlias) });
    const events = Array.from({ length: 300 }, (_, n) => eventOf(`cred-${n % 30}`, n));
    await inParallel(events, 24, async (event) => {
      await ledger.append(event);
    });
    await Promise.all([
      seal({ Records: [{ eventSource: "aws:dynamodb" }] }),
      seal({ source: "aws.scheduler" }),
      seal({}),
    ]);
    await seal({});
    for (const stream of ["cred-0", "cred-29"])
      expect((await ledger.history(stream)).every(({ index }) => index !== undefined)).toBe(true);
  }, 60_000);

  it("keeps what was archived under COMPLIANCE lock, and what was staged for a day, by its version", async () => {
    const Bucket = names().archiveBucket(local.account, local.region);
    const held = await aws(S3Client).send(new GetObjectRetentionCommand({ Bucket, Key: "tile/entries/000" }));
    expect(held.Retention?.Mode).toBe("COMPLIANCE");
    const store = s3Objects({ aws, bucket: Bucket, retentionDays: 1 });
    const { signal } = new AbortController();
    const { version } = (await store.create("staging/x", Uint8Array.of(1), signal)) ?? expect.fail();
    expect(await store.create("staging/x", Uint8Array.of(2), signal)).toBeUndefined();
    const staged = await aws(S3Client).send(new GetObjectRetentionCommand({ Bucket, Key: "staging/x" }));
    expect(staged.Retention?.Mode).toBe("COMPLIANCE");
    expect(Number(staged.Retention?.RetainUntilDate) - Date.now()).toBeLessThanOrEqual(86_400_000);
    // A deletion hides what is locked, and another put makes a newer version: the one that was staged is read all the same.
    await aws(S3Client).send(new DeleteObjectCommand({ Bucket, Key: "staging/x" }));
    expect(await store.get("staging/x", signal)).toBeUndefined();
    await store.create("staging/x", Uint8Array.of(3), signal);
    expect((await store.get("staging/x", signal))?.bytes).toEqual(Uint8Array.of(3));
    expect((await store.get("staging/x", signal, version))?.bytes).toEqual(Uint8Array.of(1));
    await expect(
      aws(S3Client).send(new DeleteObjectCommand({ Bucket, Key: "staging/x", VersionId: version })),
    ).rejects.toThrow(/[Dd]enied|lock/);
    const work = s3Objects({ aws, bucket: names().workBucket(local.account, local.region) });
    expect(await work.get("nothing", signal)).toBeUndefined();
    expect(await work.replace("cell", Uint8Array.of(1), undefined, signal)).toBe(true);
    expect(await work.replace("cell", Uint8Array.of(2), undefined, signal)).toBe(false);
    const etag = (await work.get("cell", signal))?.etag;
    expect(await work.replace("cell", Uint8Array.of(3), etag, signal)).toBe(true);
    expect(await work.replace("cell", Uint8Array.of(4), etag, signal)).toBe(false);
    expect(await work.replace("gone", Uint8Array.of(4), etag, signal)).toBe(false);
  });

  it("exports a log that verifies offline, and names the entry that was altered in a copy", async () => {
    const out = join(dir, "export");
    const exported = rekey("export", "--dir", out, "--json");
    expect(exported.stderr).toBe("");
    const { size } = JSON.parse(exported.stdout);
    expect(size).toBeGreaterThan(400);
    const { vkey } = JSON.parse(rekey("key", "--json").stdout);
    expect(vkey).toBe(readFileSync(join(out, "vkey"), "utf8").trim());
    const offline = { PATH: set["PATH"] };
    const verify = (...args: string[]) =>
      spawnSync(process.execPath, ["cli/main.ts", "ledger", "verify", out, ...args], {
        encoding: "utf8",
        env: offline,
      });
    const good = verify("--vkey", vkey);
    expect([good.status, good.stderr]).toEqual([0, ""]);
    expect(good.stdout).toContain("verified    every entry");
    expect(verify().stdout).toContain("the export's own key");
    expect(verify("--vkey", "nonsense")).toMatchObject({ status: 2, stderr: expect.stringContaining("verifier key") });

    const kept = join(dir, "kept");
    writeFileSync(kept, readFileSync(join(out, "checkpoint")));
    expect(verify("--since", kept)).toMatchObject({ status: 0, stdout: expect.stringContaining(`of ${size} entries`) });
    expect(verify("--since", join(dir, "no"))).toMatchObject({ status: 2 });

    const bundle = join(out, "tile/entries/000");
    const bytes = readFileSync(bundle);
    bytes.write("POSTGRES", bytes.indexOf('"postgres"') + 1);
    writeFileSync(bundle, bytes);
    const bad = verify("--json");
    expect(bad.status).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      good: false,
      findings: [{ what: "entry", index: 0, id: expect.any(String), stream: expect.any(String) }],
    });
    expect(
      spawnSync(process.execPath, ["cli/main.ts", "ledger", "verify", join(dir, "no")], { env: offline }).status,
    ).toBe(2);
  }, 120_000);

  it("turns to the next year, in many runs at once, and is one log to whoever reads it", async () => {
    const ledger = dynamoLedger({ aws, table: names().ledgerTable, keys: kmsAppendKeys(aws, names().appendKeyAlias) });
    const archive = s3Objects({ aws, bucket: names().archiveBucket(local.account, local.region), retentionDays: 1 });
    const at = { aws, table: names().ledgerTable };
    const name = names().origin(local.account, local.region);
    const year = new Date().getUTCFullYear() + 1;
    const ahead: Clock = { ...systemClock, now: () => `${year}-01-01T00:00:30.000Z` as Instant };
    const ports: SealPorts = {
      inbox: dynamoInbox(at),
      lock: dynamoLock({ ...at, origin: name }),
      archive,
      work: s3Objects({ aws, bucket: names().workBucket(local.account, local.region) }),
      signer: kmsSigner(aws, names().ledgerKeyAlias),
      keys: kmsAppendKeys(aws, names().appendKeyAlias),
      macsFrom: macRule({ archive, clock: systemClock }),
      packer: gzip,
      clock: ahead,
      origin: name,
    };
    const { signal } = new AbortController();
    const before = Number(JSON.parse(rekey("head", "--json").stdout).size);
    await inParallel([1, 2, 3], 3, async (n) => {
      await ledger.append(eventOf("next-year", n));
    });
    await Promise.all([1, 2, 3].map(() => sealUntilIdle(ports, { signal })));
    await sealUntilIdle(ports, { signal });
    const head = JSON.parse(rekey("head", "--json").stdout);
    expect(head).toMatchObject({
      origin: `${name}/${year}`,
      size: 4,
      earlier: [{ origin: name, size: before + 1 }],
    });
    const [, , last] = await ledger.history("next-year");
    expect(last?.index).toBe(before + 4);
    // The clock of this machine is a year behind now, and the functions go on where the log is.
    await ledger.append(eventOf("next-year", 4));
    expect((await seal({})).sealed).toBe(1);
    const out = join(dir, "export-of-years");
    expect(rekey("export", "--dir", out, "--json").stderr).toBe("");
    const { vkey } = JSON.parse(rekey("key", "--json").stdout);
    const told = rekey("verify", out, "--vkey", vkey);
    expect([told.status, told.stdout]).toEqual([0, expect.stringContaining(`closed      ${name}: ${before + 1}`)]);
    const proof = join(dir, "one.tlog-proof");
    expect(rekey("prove", String(before + 2), "--out", proof).status).toBe(0);
    expect(rekey("verify", proof, "--vkey", vkey)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`${name}/${year}`),
    });
    expect(rekey("prove", "999999").stderr).toContain("no entry 999999");
    const proofs = join(dir, "proofs-of-one");
    expect(rekey("prove", "--credential", "next-year", "--from", out, "--out", proofs, "--json").stdout).toContain(
      '"events":4',
    );
    expect(rekey("verify", proofs, "--vkey", vkey)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("numbers 1 to 4 of next-year"),
    });
    expect(rekey("verify", proofs)).toMatchObject({ status: 2, stderr: expect.stringContaining("--vkey") });
    writeFileSync(join(proofs, "entries.ndjson"), "{}\n");
    expect(rekey("verify", proofs, "--vkey", vkey)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("ALTERED"),
    });
    const asked = spawnSync(process.execPath, ["cli/main.ts", "query", "Q23", "--from", out, "--json"], {
      encoding: "utf8",
      env: { PATH: set["PATH"] },
    });
    expect(JSON.parse(asked.stdout).asOf).toMatchObject({ origin: `${name}/${year}`, size: 5, before: before + 1 });
  }, 120_000);

  it("parks a stream whose waiting event was altered in the table, and records that", async () => {
    const ledger = dynamoLedger({ aws, table: names().ledgerTable, keys: kmsAppendKeys(aws, names().appendKeyAlias) });
    const Key = eventKey({ stream: "tampered", id: "rotation.started:1" });
    await ledger.append(eventOf("tampered", 1));
    const stored = await documents(aws).send(new GetCommand({ TableName: names().ledgerTable, Key }));
    const was = String(stored.Item?.["body"]);
    expect(was).toContain('"postgres"');
    const change = {
      TableName: names().ledgerTable,
      Key,
      UpdateExpression: "SET body = :body",
      ExpressionAttributeValues: { ":body": was.replace('"postgres"', '"mysql"') },
    };
    await documents(aws).send(new UpdateCommand(change));
    expect((await seal({})).sealed).toBe(0);
    await ledger.append(eventOf("other", 1));
    // With the event that tells of it.
    expect((await seal({})).sealed).toBe(2);
    expect(await ledger.history("ledger")).toMatchObject([{ type: "ledger.tampered", data: { stream: "tampered" } }]);
    await documents(aws).send(new UpdateCommand({ ...change, ExpressionAttributeValues: { ":body": was } }));
    expect((await seal({})).sealed).toBe(1);
  });
});
