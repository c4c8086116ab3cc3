import { setTimeout as sleep } from "node:timers/promises";
import { type CreateTableInput, DynamoDB } from "@aws-sdk/client-dynamodb";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFunction, openProbe, until } from "./probe.ts";

/** Writes one row for each record it sees: when, and how often. Sleeps and fails as the record asks. */
const WITNESS = `
import { DynamoDB } from "@aws-sdk/client-dynamodb";
const db = new DynamoDB({});
export const handler = async ({ Records }) => {
  const at = Date.now();
  const batchItemFailures = [];
  for (const { body, dynamodb, messageId, attributes } of Records) {
    const said = body ? JSON.parse(body) : { id: dynamodb.Keys.pk.S, sleep: Number(dynamodb.NewImage?.sleep?.N ?? 0) };
    const { id, fail, sleep } = said.detail ?? said;
    if (sleep) await new Promise((done) => setTimeout(done, sleep));
    const Item = { pk: { S: id }, at: { N: String(at) }, count: { N: attributes?.ApproximateReceiveCount ?? "1" } };
    await db.putItem({ TableName: "seen", Item });
    if (fail) batchItemFailures.push({ itemIdentifier: messageId });
  }
  return { batchItemFailures };
};`;
const arn = (service: string, name: string) => `arn:aws:${service}:us-east-1:000000000000:${name}`;

let probe: Awaited<ReturnType<typeof openProbe>>;
let db: DynamoDB;
let sqs: SQS;
let bus: EventBridge;
let queue: string;
let dead: string;
let closed: string;

const makeQueue = async (QueueName: string, Attributes: Record<string, string> = {}): Promise<string> =>
  (await sqs.createQueue({ QueueName, Attributes })).QueueUrl ?? "";
const letEventsIn = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Effect: "Allow",
      Principal: { Service: "events.amazonaws.com" },
      Action: "sqs:SendMessage",
      Resource: arn("sqs", "open"),
      Condition: { ArnEquals: { "aws:SourceArn": arn("events", "rule/all") } },
    },
  ],
});

beforeAll(async () => {
  probe = await openProbe();
  [db, sqs, bus] = [new DynamoDB(probe.config), new SQS(probe.config), new EventBridge(probe.config)];
  const clients = { iam: new IAM(probe.config), lambda: new Lambda(probe.config) };
  const table: Omit<CreateTableInput, "TableName"> = {
    KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
  };
  await db.createTable({ TableName: "seen", ...table });
  const StreamSpecification = { StreamEnabled: true, StreamViewType: "NEW_IMAGE" } as const;
  const log = await db.createTable({ TableName: "log", ...table, StreamSpecification });
  dead = await makeQueue("dead");
  closed = await makeQueue("closed");
  queue = await makeQueue("open", {
    Policy: letEventsIn,
    VisibilityTimeout: "1",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn("sqs", "dead"), maxReceiveCount: 2 }),
  });
  await bus.putRule({ Name: "all", EventPattern: JSON.stringify({ source: ["probe"] }) });
  const targets = ["open", "closed"].map((name) => ({ Id: name, Arn: arn("sqs", name) }));
  await bus.putTargets({ Rule: "all", Targets: targets });
  const FunctionResponseTypes = ["ReportBatchItemFailures" as const];
  for (const [name, source] of [
    ["queues", arn("sqs", "open")],
    ["streams", log.TableDescription?.LatestStreamArn],
  ] as const) {
    await makeFunction(clients, name, WITNESS, [{ Effect: "Allow", Action: "dynamodb:PutItem", Resource: "*" }]);
    await clients.lambda.createEventSourceMapping({
      FunctionName: name,
      EventSourceArn: source,
      FunctionResponseTypes,
      ...(name === "streams"
        ? { StartingPosition: "LATEST", FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] } }
        : {}),
    });
  }
});
afterAll(() => probe?.close());

const seen = (id: string, withinMs?: number) =>
  until(async () => {
    const { Item } = await db.getItem({ TableName: "seen", Key: { pk: { S: id } } });
    return Item && { at: Number(Item["at"]?.N), count: Number(Item["count"]?.N) };
  }, withinMs);
const publish = async (detail: object): Promise<number> => {
  const sentAt = Date.now();
  await bus.putEvents({ Entries: [{ Source: "probe", DetailType: "x", Detail: JSON.stringify(detail) }] });
  return sentAt;
};
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

test("an event reaches a warm function through rule and queue within tens of milliseconds", async () => {
  await publish({ id: "cold" });
  await seen("cold");
  const took: number[] = [];
  for (let round = 0; round < 15; round++) {
    const sentAt = await publish({ id: `warm-${round}` });
    took.push(((await seen(`warm-${round}`))?.at ?? Number.POSITIVE_INFINITY) - sentAt);
  }
  expect(median(took)).toBeLessThan(100);
});

test("a queue whose policy does not let EventBridge in gets nothing", async () => {
  await publish({ id: "closed-door" });
  expect(await seen("closed-door")).toBeDefined();
  expect((await sqs.receiveMessage({ QueueUrl: closed, WaitTimeSeconds: 1 })).Messages ?? []).toHaveLength(0);
});

test("a failed item alone is delivered again, then goes to the dead-letter queue", async () => {
  const Entries = [{ id: "bad", fail: true }, { id: "good" }].map((body) => ({
    Id: body.id,
    MessageBody: JSON.stringify(body),
  }));
  await sqs.sendMessageBatch({ QueueUrl: queue, Entries });
  const rejected = await until(async () => {
    const { Messages } = await sqs.receiveMessage({ QueueUrl: dead, WaitTimeSeconds: 1 });
    return Messages?.[0];
  }, 15_000);
  expect(JSON.parse(rejected?.Body ?? "{}").id).toBe("bad");
  expect((await seen("bad"))?.count).toBe(2);
  expect((await seen("good"))?.count).toBe(1);
});

test("DelaySeconds is kept, to a fraction of a second", async () => {
  const sentAt = Date.now();
  await sqs.sendMessage({ QueueUrl: queue, DelaySeconds: 1, MessageBody: JSON.stringify({ id: "later" }) });
  const took = ((await seen("later"))?.at ?? 0) - sentAt;
  expect(took).toBeGreaterThan(950);
  expect(took).toBeLessThan(1_600);
});

test("a stream delivers inserts only, and a slow consumer of it does not hold back a queue", async () => {
  await db.putItem({ TableName: "log", Item: { pk: { S: "insert" } } });
  expect(await seen("insert")).toBeDefined();
  await db.deleteItem({ TableName: "seen", Key: { pk: { S: "insert" } } });
  await db.putItem({ TableName: "log", Item: { pk: { S: "insert" }, changed: { S: "yes" } } });
  await db.putItem({ TableName: "log", Item: { pk: { S: "slow" }, sleep: { N: "2000" } } });
  await sleep(100);
  const sentAt = await publish({ id: "meanwhile" });
  expect(((await seen("meanwhile"))?.at ?? Number.POSITIVE_INFINITY) - sentAt).toBeLessThan(1_000);
  expect(await seen("slow", 50)).toBeUndefined();
  expect(await seen("slow")).toBeDefined();
  expect(await seen("insert", 50)).toBeUndefined();
});

test("what a function throws is known by its name", async () => {
  const clients = { iam: new IAM(probe.config), lambda: new Lambda(probe.config) };
  const source = `
class e extends Error { name = "AwaitingPerson"; }
export const handler = async ({ plain }) => { throw plain ? new TypeError("no") : new e("wait"); };`;
  await makeFunction(clients, "thrower", source, [{ Effect: "Allow", Action: "logs:PutLogEvents", Resource: "*" }]);
  const thrown = async (event: object) => {
    const out = await clients.lambda.invoke({ FunctionName: "thrower", Payload: JSON.stringify(event) });
    return [out.FunctionError, JSON.parse(new TextDecoder().decode(out.Payload))];
  };
  expect(await thrown({})).toEqual(["Unhandled", { errorType: "AwaitingPerson", errorMessage: "wait" }]);
  expect(await thrown({ plain: true })).toEqual(["Unhandled", { errorType: "TypeError", errorMessage: "no" }]);
}, 60_000);
