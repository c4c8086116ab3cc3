import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { S3 } from "@aws-sdk/client-s3";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { documents } from "../../lib/aws/document.ts";
import { dynamoIncidents } from "../../lib/aws/incidents.ts";
import { dynamoHistory } from "../../lib/aws/ledger.ts";
import { invoke } from "../../lib/aws/network.ts";
import { kmsTokenSigner } from "../../lib/aws/token-signer.ts";
import { names } from "../../lib/core/names.ts";
import type { CredentialId } from "../../lib/core/types.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { clientConfig, until } from "../../local/demo/stage.ts";
import { deploy } from "../../local/deploy.ts";
import { root } from "../../local/process.ts";
import { makeFunction } from "../local/probe.ts";

/** Two ticks of the scheduler, which the local AWS looks at every 10 s, and a cold start. */
const TICKS_MS = 150_000;
const own = names();
const BUCKET = "rekey-jwks-e2e";
const ACTOR = { kind: "human", principal: "e2e" };
let dir: string;
let local: LocalAws;
let aws: ReturnType<typeof makeAws>;
let receiver: Server;
/** Whoever knocked: its certificate is nobody's, so that no token may reach it. */
const heard: Buffer[] = [];

/** A topic for people, and a queue that hears what it says. */
const makeTopic = async () => {
  const arn = (service: string) => `arn:aws:${service}:${local.region}:${local.account}:people`;
  const allowed = { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage" };
  const Statement = [{ ...allowed, Resource: arn("sqs"), Condition: { ArnEquals: { "aws:SourceArn": arn("sns") } } }];
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  const { QueueUrl = "" } = await aws(SQS).createQueue({ QueueName: "people", Attributes: { Policy } });
  const { TopicArn = "" } = await aws(SNS).createTopic({ Name: "people" });
  await aws(SNS).subscribe({ TopicArn, Protocol: "sqs", Endpoint: arn("sqs") });
  return { TopicArn, QueueUrl };
};
let people: Awaited<ReturnType<typeof makeTopic>>;

const configOf = (port: number) => ({
  drill: { withinMs: 60_000 },
  isolate: { lambda: ["report*"], ecs: [] },
  notify: [{ kind: "sns", name: "oncall", topicArn: people.TopicArn }],
  transmit: {
    issuer: "https://rekey.example.com/hub",
    jwks: `${BUCKET}/jwks.json`,
    receivers: [{ name: "idp", url: `https://127.0.0.1:${port}/events`, audience: "idp" }],
  },
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rekey-shut-"));
  receiver = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      heard.push(chunk);
      socket.destroy();
    });
  });
  await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done));
  local = await startAws({ dir: join(dir, "aws") });
  aws = makeAws(clientConfig(local));
  await aws(S3).createBucket({ Bucket: BUCKET });
  people = await makeTopic();
  const config = join(dir, "rekey.config.mjs");
  await writeFile(config, `export default ${JSON.stringify(configOf((receiver.address() as AddressInfo).port))};`);
  const app = `${process.execPath} ${join(root, "cdk/app.ts")}`;
  await deploy({ aws: local, app, context: { config }, outDir: join(dir, "rekey") });
}, 400_000);
afterAll(async () => {
  receiver?.close();
  await local?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** A user with one access key, kept in a secret that Rekey has found. */
const makeUser = async (
  user: string,
): Promise<{ readonly id: CredentialId; readonly isActive: () => Promise<boolean> }> => {
  const iam = aws(IAM);
  await iam.createUser({ UserName: user, Path: "/rekey/" });
  const { AccessKey } = await iam.createAccessKey({ UserName: user });
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = AccessKey ?? {};
  const tags = { kind: "iam-access-key", workload: user, network: "default", user };
  const made = await aws(SecretsManagerClient).send(
    new CreateSecretCommand({
      Name: user,
      SecretString: JSON.stringify({ accessKeyId, secretAccessKey }),
      Tags: Object.entries(tags).map(([key, Value]) => ({ Key: `rekey:${key}`, Value })),
    }),
  );
  await invoke(aws, own.discover, {}, "discover");
  const isActive = async () => {
    const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName: user });
    return AccessKeyMetadata.some((key) => key.AccessKeyId === accessKeyId && key.Status === "Active");
  };
  return { id: (made.ARN ?? "") as CredentialId, isActive };
};
const history = (id: string) => dynamoHistory({ aws, table: own.ledgerTable }).history(id);

it("a compromised function is throttled by a signal once its key is dead, and has its reserve again after a restore", async () => {
  const Log = { Effect: "Allow", Action: "logs:PutLogEvents", Resource: "*" } as const;
  const lambda = aws(Lambda);
  await makeFunction({ iam: aws(IAM), lambda }, "reports", "export const handler = async () => 1;", [Log]);
  await lambda.putFunctionConcurrency({ FunctionName: "reports", ReservedConcurrentExecutions: 4 });
  const { isActive } = await makeUser("reporter");
  const arn = `arn:aws:lambda:${local.region}:${local.account}:function:reports`;
  const Detail = JSON.stringify({
    id: "e2e-function",
    type: "E2E/ReverseShell",
    scenario: "compromised",
    severity: 95,
    activityAt: new Date().toISOString(),
    subjects: ["workload:reporter", `function:${arn}`],
  });
  await aws(EventBridge).putEvents({ Entries: [{ Source: "rekey.signal", DetailType: "Rekey Signal", Detail }] });
  const throttled = () =>
    lambda.invoke({ FunctionName: "reports" }).then(
      () => undefined,
      (error: Error) => error.name === "TooManyRequestsException",
    );
  expect(await until("the function to be throttled", throttled)).toBe(true);
  expect(await isActive()).toBe(false);
  const incident = await until("the incident", async () =>
    (await dynamoIncidents(aws, own.stateTable).recent(1)).find(({ state }) => state !== "claimed"),
  );
  await invoke(aws, own.respond, { order: "restore", incident: incident.id, actor: ACTOR }, "not restored");
  const { ReservedConcurrentExecutions } = await lambda.getFunctionConcurrency({ FunctionName: "reports" });
  expect(ReservedConcurrentExecutions).toBe(4);
  expect(await isActive()).toBe(true);
}, 200_000);

it("people are told of it once for each moment, with the command that answers it; how fast is recorded", async () => {
  const told: { readonly moment: string; readonly next: readonly string[]; readonly subject: string }[] = [];
  const hear = async () => {
    const { Messages = [] } = await aws(SQS).receiveMessage({ QueueUrl: people.QueueUrl, MaxNumberOfMessages: 10 });
    for (const { Body = "", ReceiptHandle } of Messages) {
      told.push(JSON.parse((JSON.parse(Body) as { Message: string }).Message));
      await aws(SQS).deleteMessage({ QueueUrl: people.QueueUrl, ReceiptHandle });
    }
    return ["contained", "restored"].every((moment) => told.some((one) => one.moment === moment)) ? told : undefined;
  };
  const [first] = (await until("people to be told", hear)).filter(({ moment }) => moment === "contained");
  expect(first?.next).toContain(`rekey restore ${first?.subject}`);
  const { plans = [] } = (await dynamoIncidents(aws, own.stateTable).get(first?.subject ?? "")) ?? {};
  const recorded = () =>
    history(plans[0]?.credential ?? "").then((all) => all.filter(({ type }) => type === "people.told"));
  const both = await until("it to be recorded", async () => {
    const all = await recorded();
    return all.length > 1 ? all : undefined;
  });
  expect(both.map(({ data }) => (data as { moment: string }).moment).sort()).toEqual(["contained", "restored"]);
  expect(told.map(({ moment }) => moment).sort()).toEqual(["contained", "restored"]);
}, 100_000);

it("its containment is told: the key is published, and the receiver is called, who shows no certificate and gets no token", async () => {
  const { kid } = await kmsTokenSigner(aws, own.transmitKeyAlias).publicKey();
  const published = () =>
    aws(S3)
      .getObject({ Bucket: BUCKET, Key: "jwks.json" })
      .then(
        async ({ Body }) => JSON.parse((await Body?.transformToString()) ?? "") as { keys: { kid: string }[] },
        () => undefined,
      );
  expect((await until("the key to be published", published)).keys.map((key) => key.kid)).toEqual([kid]);
  const [first] = await until("the receiver to be called", async () => (heard.length > 0 ? heard : undefined));
  const HANDSHAKE = 0x16;
  expect(first?.[0], "a TLS handshake (RFC 8446 §5.1) and nothing in clear").toBe(HANDSHAKE);
}, 100_000);

it("a time-boxed containment is undone by the scheduler's tick", async () => {
  const { id, isActive } = await makeUser("boxed");
  const order = { order: "contain", id: "e2e-box", credential: id, scenario: "compromised", lastsMs: 300_000 };
  const told = await invoke(
    aws,
    own.respond,
    { ...order, reason: "e2e", dryRun: false, actor: ACTOR },
    "not contained",
  );
  const { incident } = told as { incident: string };
  expect(await isActive()).toBe(false);
  // Five minutes pass.
  const past = new Date(Date.now() - 1_000).toISOString();
  for (const [SK, name] of [
    ["META", "endsAt"],
    ["BOX", "gsk"],
  ] as const) {
    const rewound = { UpdateExpression: "SET #at = :at", ExpressionAttributeNames: { "#at": name } };
    const Key = { PK: `INC#${incident}`, SK };
    const values = { ExpressionAttributeValues: { ":at": past }, ConditionExpression: "attribute_exists(PK)" };
    await documents(aws).send(new UpdateCommand({ TableName: own.stateTable, Key, ...rewound, ...values }));
  }
  await until("the clock to undo it", async () => ((await isActive()) ? true : undefined), TICKS_MS);
  const types = await until("its history", async () => {
    const all = (await history(id)).map(({ type }) => type);
    return all.includes("containment.restored") ? all : undefined;
  });
  expect(types).toContain("containment.expired");
  expect(await dynamoIncidents(aws, own.stateTable).get(incident)).toMatchObject({ state: "restored" });
}, 260_000);

it("a drill has its canary refused by the way of every signal, records it, and leaves no key", async () => {
  const iam = aws(IAM);
  const told = (await invoke(aws, own.drill, { actor: ACTOR }, "no drill")) as Record<string, unknown>;
  expect(told).toMatchObject({ contained: true, ready: true, why: null, incident: expect.stringMatching(/^inc-/) });
  process.stdout.write(`drill: ${JSON.stringify(told)}\n`);
  const left = await iam.listAccessKeys({ UserName: own.drill });
  expect(left.AccessKeyMetadata).toEqual([]);
  expect((await iam.listUserPolicies({ UserName: own.drill })).PolicyNames).toEqual([]);
  const [event] = await history("drills");
  expect(event).toMatchObject({
    type: "drill.completed",
    actor: ACTOR,
    data: { drill: told["drill"], contained: true },
  });
  const again = (await invoke(aws, own.drill, {}, "no drill")) as Record<string, unknown>;
  expect(again).toMatchObject({ contained: true });
  expect((await history("drills")).map(({ actor }) => actor.kind)).toEqual(["human", "schedule"]);
}, 200_000);
