import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, it, test } from "vitest";
import { channelKeys } from "../../lib/aws/channel-keys.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { systemClock } from "../../lib/aws/clock.ts";
import { sources } from "../../lib/catalog/sources.ts";
import { readSignals } from "../../lib/core/signal.ts";
import type { Aws } from "../../lib/core/types.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { ACCOUNT, hex, KEY } from "./world.ts";

const NEXT_KEY = "the key that comes after it";
const SECRET = "channels/one";
const set = process.env;
const before = { ...set };
let local: LocalAws;
let dir: string;
let aws: Aws;
let queueUrl: string;
type Reply = { readonly statusCode: number; readonly body?: string };
let handler: (event: unknown, context: object) => Promise<Reply>;

const channels = [
  { name: "github", auth: "github", account: ACCOUNT, secret: SECRET },
  { name: "gitguardian", auth: "gitguardian", account: ACCOUNT, secret: SECRET },
  { name: "falco", auth: "token", account: ACCOUNT, cluster: "prod", secret: SECRET },
  { name: "lost", auth: "token", account: ACCOUNT, secret: "channels/nowhere" },
];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "rekey-ingest-"));
  local = await startAws({ dir: join(dir, "aws"), port: 5930 });
  Object.assign(set, local.env);
  aws = makeAws();
  const string = (AttributeName: string) => ({ AttributeName, AttributeType: "S" as const });
  await aws(DynamoDBClient).send(
    new CreateTableCommand({
      TableName: "rekey-state",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [string("PK"), string("SK")],
      KeySchema: [
        { AttributeName: "PK", KeyType: "HASH" },
        { AttributeName: "SK", KeyType: "RANGE" },
      ],
    }),
  );
  await aws(SecretsManagerClient).send(new CreateSecretCommand({ Name: SECRET, SecretString: KEY }));
  queueUrl = (await aws(SQSClient).send(new CreateQueueCommand({ QueueName: "rekey-signals" }))).QueueUrl ?? "";
  Object.assign(set, {
    REKEY_ACCOUNT: local.account,
    REKEY_CHANNELS: JSON.stringify(channels),
    REKEY_SIGNALS_URL: queueUrl,
    AWS_LAMBDA_FUNCTION_NAME: "rekey-ingest",
  });
  handler = (await import("../../functions/ingest.ts")).handler as unknown as typeof handler;
}, 120_000);
afterAll(async () => {
  await local?.stop();
  process.env = before;
  rmSync(dir, { recursive: true, force: true });
});

/** docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, format 2.0 */
const post = (name: string, body: string, headers: Readonly<Record<string, string>>, isBase64Encoded = false) =>
  handler(
    {
      version: "2.0",
      routeKey: "POST /channels/{name}",
      rawPath: `/channels/${name}`,
      headers,
      pathParameters: { name },
      body: isBase64Encoded ? Buffer.from(body).toString("base64") : body,
      isBase64Encoded,
      requestContext: { http: { method: "POST" } },
    },
    { getRemainingTimeInMillis: () => 10_000 },
  );

const queued = async (): Promise<readonly unknown[]> => {
  const out = await aws(SQSClient).send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
  );
  for (const { ReceiptHandle } of out.Messages ?? []) {
    await aws(SQSClient).send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
  }
  return (out.Messages ?? []).map(({ Body = "" }) => JSON.parse(Body));
};

/** A finding of the signal tests, with an account and a cluster of the sender's choice in it. */
const finding = (path: string): string => {
  const fixture = JSON.parse(readFileSync(new URL(`../signals/${path}.json`, import.meta.url), "utf8"));
  const body = fixture.event ?? fixture.body ?? fixture;
  return JSON.stringify({ ...body, account: "999999999999", cluster: "mine", note: "päyments ☃" });
};
const stamp = () => String(Math.floor(Date.now() / 1_000));

const SENT: readonly (readonly [string, string, (body: string) => Readonly<Record<string, string>>])[] = [
  ["github", "github-secret-scanning", (body) => ({ "X-Hub-Signature-256": `sha256=${hex(KEY, body)}` })],
  [
    "gitguardian",
    "gitguardian",
    (body) => {
      const at = stamp();
      return { Timestamp: at, "Gitguardian-Signature": `sha256=${hex(at + KEY, body)}` };
    },
  ],
  ["falco", "falco", () => ({ Authorization: `Bearer ${KEY}` })],
];
const fixtures: Readonly<Record<string, string>> = {
  github: "github-secret-scanning/fixture",
  gitguardian: "gitguardian/triggered",
  falco: "falco/fixture",
};

test.each(SENT)(
  "%s: what was posted becomes its source's signals, of the channel's account and cluster",
  async (name, source, sign) => {
    const body = finding(fixtures[name] ?? "");
    for (const isBase64 of [false, true]) {
      const own = `${body}${isBase64 ? " " : ""}`;
      expect(await post(name, own, sign(own), isBase64)).toEqual({ statusCode: 202 });
      const messages = await queued();
      expect(messages).toHaveLength(1);
      const read = await readSignals(sources, messages[0]);
      const signals = "signals" in read ? read.signals : [];
      expect(signals.length).toBeGreaterThan(0);
      for (const signal of signals) {
        expect(signal).toMatchObject({ source, account: ACCOUNT });
        expect(signal.inert).not.toBe("unbound");
        expect(JSON.stringify(signal.subjects)).not.toContain("999999999999");
      }
    }
  },
);

it("queues nothing of what it does not know: wrong key, wrong channel, a changed body, a repetition", async () => {
  const body = finding("falco/fixture");
  const repeated = await post("falco", body, { authorization: `Bearer ${KEY}` });
  const refused = await Promise.all([
    post("falco", body, { authorization: "Bearer a key that is long but wrong" }),
    post("nobody", body, { authorization: `Bearer ${KEY}` }),
    post("github", `${body} `, { "x-hub-signature-256": `sha256=${hex(KEY, body)}` }),
  ]);
  expect(repeated).toEqual({ statusCode: 202 });
  expect(new Set(refused.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(refused[0]).toMatchObject({ statusCode: 401 });
  expect(await post("lost", body, { authorization: `Bearer ${KEY}` })).toMatchObject({ statusCode: 503 });
  expect(await post("falco", "a".repeat(262_145), { authorization: `Bearer ${KEY}` })).toMatchObject({
    statusCode: 413,
  });
  expect(await queued()).toEqual([]);
});

it("remembers with an end, by a digest that says nothing of the body", async () => {
  const { Items = [] } = await aws(DynamoDBClient).send(new ScanCommand({ TableName: "rekey-state" }));
  expect(Items.length).toBeGreaterThan(0);
  for (const item of Items) {
    expect(Object.keys(item).sort()).toEqual(["PK", "SK", "expiresAt"]);
    expect(item["PK"]?.S).toMatch(/^DELIVERY#[0-9a-f]{64}$/);
    expect(Number(item["expiresAt"]?.N)).toBeGreaterThan(Date.now() / 1_000);
  }
});

test("a rotated key is taken at once, its predecessor for a day after, and no older one", async () => {
  const clock = { ...memoryClock(new Date().toISOString()) };
  const read = channelKeys(aws, clock);
  const put = (SecretString: string) =>
    aws(SecretsManagerClient).send(new PutSecretValueCommand({ SecretId: SECRET, SecretString }));
  expect(await read(SECRET, false)).toEqual([KEY]);
  await put(JSON.stringify({ value: NEXT_KEY }));
  expect(await read(SECRET, true), "read a moment ago").toEqual([KEY]);
  clock.advance(5_000);
  expect(await read(SECRET, false)).toEqual([KEY]);
  expect(await read(SECRET, true)).toEqual([NEXT_KEY, KEY]);
  clock.advance(86_400_000 + 60_000);
  expect(await read(SECRET, false)).toEqual([NEXT_KEY]);
  await put("short");
  clock.advance(60_000);
  await expect(read(SECRET, false)).rejects.toThrow(/channels\/one holds no key of 16 characters/);
  await put('{"nothing":"that is called as a key is"}');
  await expect(read(SECRET, false)).rejects.toThrow("holds no key");
});

test("keys do for a quarter of an hour while Secrets Manager does not answer, and no longer", async () => {
  const clock = memoryClock(systemClock.now());
  let isDown = false;
  const failing = (() => ({
    send: async () => {
      if (isDown) throw new Error("no answer");
      return { SecretString: KEY };
    },
  })) as unknown as Aws;
  const read = channelKeys(failing, clock);
  await read(SECRET, false);
  isDown = true;
  clock.advance(899_999);
  expect(await read(SECRET, false)).toEqual([KEY]);
  clock.advance(1);
  await expect(read(SECRET, false)).rejects.toThrow("no answer");
});
