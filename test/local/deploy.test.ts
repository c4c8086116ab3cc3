import { join } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { KMS } from "@aws-sdk/client-kms";
import { Lambda } from "@aws-sdk/client-lambda";
import { S3 } from "@aws-sdk/client-s3";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deploy } from "../../local/deploy.ts";
import { openProbe } from "./probe.ts";

let probe: Awaited<ReturnType<typeof openProbe>>;
let made: Readonly<Record<string, string>>;

beforeAll(async () => {
  probe = await openProbe();
  const app = `node ${join(import.meta.dirname, "stacks.ts")}`;
  made = (await deploy({ aws: probe.aws, app, outDir: join(probe.dir, "out") }))["Probe"] ?? {};
});
afterAll(() => probe?.close());

const of = (name: string): string => made[name] ?? "";

test("the secret's Ref is its ARN and it has its schedule", async () => {
  const described = await new SecretsManager(probe.config).describeSecret({ SecretId: of("secret") });
  expect(described.ARN).toBe(of("secret"));
  expect(described.RotationRules).toEqual({ ScheduleExpression: "rate(4 hours)" });
  expect(described.NextRotationDate).toBeInstanceOf(Date);
});

test("Object Lock refuses a deletion", async () => {
  const s3 = new S3(probe.config);
  const { VersionId } = await s3.putObject({ Bucket: of("bucket"), Key: "a", Body: "1" });
  const gone = s3.deleteObject({ Bucket: of("bucket"), Key: "a", ...(VersionId ? { VersionId } : {}) });
  await expect(gone).rejects.toThrow(/denied/i);
});

test("reserved concurrency, time to live and point-in-time recovery arrive", async () => {
  const concurrency = await new Lambda(probe.config).getFunctionConcurrency({ FunctionName: of("rotator") });
  expect(concurrency.ReservedConcurrentExecutions).toBe(1);
  const db = new DynamoDB(probe.config);
  const { TimeToLiveDescription } = await db.describeTimeToLive({ TableName: of("table") });
  expect(TimeToLiveDescription).toMatchObject({ TimeToLiveStatus: "ENABLED", AttributeName: "expiresAt" });
  const { ContinuousBackupsDescription } = await db.describeContinuousBackups({ TableName: of("table") });
  expect(ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe("ENABLED");
});

test("the rule's queue policy, written by CDK, lets its events in", async () => {
  const entry = { Source: "probe", DetailType: "x", Detail: "{}" };
  await new EventBridge(probe.config).putEvents({ Entries: [entry] });
  const { Messages } = await new SQS(probe.config).receiveMessage({ QueueUrl: of("queue"), WaitTimeSeconds: 2 });
  expect(JSON.parse(Messages?.[0]?.Body ?? "{}").source).toBe("probe");
});

test("the key signs Ed25519", async () => {
  const request = { KeyId: of("key"), MessageType: "RAW", SigningAlgorithm: "ED25519_SHA_512" } as const;
  const { Signature } = await new KMS(probe.config).sign({ ...request, Message: Buffer.from("note") });
  expect(Signature).toHaveLength(64);
});

test("a failing app shows the end of its output", async () => {
  const app = `node -e "throw new Error('no such stack')"`;
  await expect(deploy({ aws: probe.aws, app, outDir: join(probe.dir, "bad") })).rejects.toThrow(/no such stack/);
});
