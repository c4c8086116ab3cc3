import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SQS } from "@aws-sdk/client-sqs";
import { STS } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoIncidents } from "../../lib/aws/incidents.ts";
import { dynamoHistory } from "../../lib/aws/ledger.ts";
import { invoke } from "../../lib/aws/network.ts";
import { dynamoTimetable } from "../../lib/aws/timetable.ts";
import { versionsMade } from "../../lib/aws/versions.ts";
import { names } from "../../lib/core/names.ts";
import type { Due } from "../../lib/core/timetable.ts";
import type { CredentialId, Instant } from "../../lib/core/types.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { clientConfig, until } from "../../local/demo/stage.ts";
import { deploy } from "../../local/deploy.ts";
import { root } from "../../local/process.ts";
import { makeFunction } from "../local/probe.ts";

/** Two ticks of the scheduler, which the local AWS looks at every 10 s, and a cold start. */
const TICKS_MS = 150_000;
const own = names();
/** What is deployed only where somebody asks for it. */
const CONFIG = { consumers: { lambda: ["reports"] }, quarantine: { roles: ["app-*"], users: [] } };
let dir: string;
let local: LocalAws;
let aws: ReturnType<typeof makeAws>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rekey-clock-"));
  local = await startAws({ dir: join(dir, "aws") });
  aws = makeAws(clientConfig(local));
  const config = join(dir, "rekey.config.mjs");
  await writeFile(config, `export default ${JSON.stringify(CONFIG)};`);
  const app = `${process.execPath} ${join(root, "cdk/app.ts")}`;
  await deploy({ aws: local, app, context: { config }, outDir: join(dir, "rekey") });
}, 400_000);
afterAll(async () => {
  await local?.stop();
  await rm(dir, { recursive: true, force: true });
});

const make = async (name: string, tags: Readonly<Record<string, string>>): Promise<CredentialId> => {
  const all = { kind: "opaque", workload: "e2e", network: "default", resource: name, ...tags };
  const Tags = Object.entries(all).map(([key, Value]) => ({ Key: `rekey:${key}`, Value }));
  const made = await aws(SecretsManagerClient).send(new CreateSecretCommand({ Name: name, SecretString: "{}", Tags }));
  return (made.ARN ?? "") as CredentialId;
};
const stored = async (SecretId: string) =>
  (await aws(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId }))).SecretString;
const discover = () => invoke(aws, own.discover, {}, "discover");
const timetable = () => dynamoTimetable(aws, own.stateTable);
const history = (id: CredentialId) => dynamoHistory({ aws, table: own.ledgerTable }).history(id);

const LOG = { Effect: "Allow", Action: "logs:PutLogEvents", Resource: "*" } as const;
/** Remembers when its environment began, as one that read a secret then. */
const SOURCE = "const began = Date.now(); export const handler = async () => ({ began });";

it("a consumer that its secret names gets new environments after a rotation, and is registered with the version", async () => {
  const clients = { iam: aws(IAM), lambda: aws(Lambda) };
  await makeFunction(clients, "reports", SOURCE, [LOG]);
  const began = async () => ((await invoke(aws, "reports", {}, "not invoked")) as { began: number }).began;
  const before = await began();
  const id = await make("followed", { bytes: "32", consumers: "lambda:reports" });
  await discover();
  const attempt = "attempt-1-of-the-followed-secret-00000";
  const actor = { kind: "human", principal: "e2e" };
  await invoke(aws, own.rotate("default"), { verb: "rotate", credential: id, attempt, actor }, "not rotated");
  const told = await until(
    "its consumer to be refreshed",
    async () => (await history(id)).find(({ type }) => type === "consumers.refreshed"),
    TICKS_MS,
  );
  expect(told.data).toMatchObject({ version: attempt, done: ["lambda:reports"], failed: [] });
  expect(await began()).toBeGreaterThan(before);
}, 200_000);

it("a compromised role is denied by a signal, through the functions as deployed, and gets back what it had", async () => {
  const iam = aws(IAM);
  const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
  const trust = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${local.account}:root` }, Action: "sts:AssumeRole" };
  await iam.createRole({ RoleName: "app-orders", AssumeRolePolicyDocument: policy(trust) });
  const allowed = policy({ Effect: "Allow", Action: "sqs:ListQueues", Resource: "*" });
  await iam.putRolePolicy({ RoleName: "app-orders", PolicyName: "work", PolicyDocument: allowed });
  const RoleArn = `arn:aws:iam::${local.account}:role/app-orders`;
  const { Credentials, AssumedRoleUser } = await aws(STS).assumeRole({ RoleArn, RoleSessionName: "task-1" });
  const credentials = {
    accessKeyId: Credentials?.AccessKeyId ?? "",
    secretAccessKey: Credentials?.SecretAccessKey ?? "",
    sessionToken: Credentials?.SessionToken ?? "",
  };
  const session = new SQS({ ...clientConfig(local), credentials, maxAttempts: 1 });
  await session.listQueues({});
  const Detail = JSON.stringify({
    id: "e2e-role",
    type: "E2E/ReverseShell",
    scenario: "compromised",
    severity: 95,
    activityAt: new Date().toISOString(),
    subjects: [`role-session:${AssumedRoleUser?.AssumedRoleId}`, `assumed-role:${local.account}/app-orders/task-1`],
  });
  const Entries = [{ Source: "rekey.signal", DetailType: "Rekey Signal", Detail }];
  await aws(EventBridge).putEvents({ Entries });
  await until("its session to be refused", async () =>
    session.listQueues({}).then(
      () => undefined,
      () => true,
    ),
  );
  const incident = await until("the incident", async () =>
    (await dynamoIncidents(aws, own.stateTable).recent(1)).find(({ state }) => state !== "claimed"),
  );
  const order = { order: "restore", incident: incident.id, actor: { kind: "human", principal: "e2e" } };
  await invoke(aws, own.respond, order, "not restored");
  await session.listQueues({});
  expect((await iam.listRolePolicies({ RoleName: "app-orders" })).PolicyNames).toEqual(["work"]);
}, 120_000);

it("an existing secret is adopted by its tags alone: the scheduler's tick rotates it, and its next turn is known", async () => {
  const id = await make("clocked", { schedule: "rate 1 minute", start: "now", bytes: "32" });
  const other = await make("not-clocked", { bytes: "32" });
  await discover();
  const due = await until(
    "the clock to rotate",
    async () => {
      const found = await timetable().get(id);
      if (found?.failures) throw new Error(`not rotated: ${JSON.stringify([found, await history(id)])}`);
      return found?.rotatedAt ? found : undefined;
    },
    TICKS_MS,
  );
  expect(await stored(id)).toMatch(/"value":"\S{32,}"/);
  expect(await stored(other)).toBe("{}");
  expect(due.startAt > (due.rotatedAt ?? "")).toBe(true);
  const events = (await history(id)).map(({ type, actor }) => `${type} ${actor.principal}`);
  expect(events).toContain("rotation.succeeded rekey-clock");
  expect(await timetable().get(other)).toBeUndefined();
  // Each minute, and written a moment ago: the next turns are deferred to 10 minutes after.
  const deferred = await until(
    "the next turn to be deferred",
    async () => {
      const found = await timetable().get(id);
      return found?.why?.startsWith("written less") ? found : undefined;
    },
    TICKS_MS,
  );
  const made = (await versionsMade(aws)(id))?.made ?? [];
  expect(made).toHaveLength(2);
  const newest = Math.max(...made.map((at) => Date.parse(at)));
  expect(Date.parse(deferred.startAt) - newest).toBe(600_000);
}, 330_000);

it("what is overdue is told once, in the ledger and by the status", async () => {
  const id = await make("late", { schedule: "rate 1 day", function: "nowhere" });
  await discover();
  const known = await timetable().get(id);
  if (!known) throw new Error("it is in no timetable");
  const past = "2026-01-01T00:00:00.000Z" as Instant;
  const late: Due = { ...known, owed: past, startAt: past, lateAt: past };
  expect(await timetable().put(late)).toBe(true);
  expect(await timetable().put(late)).toBe(false);
  const overdue = await until(
    "it to be overdue",
    async () => (await timetable().overdue()).find(({ credential, failures }) => credential === id && failures > 0),
    TICKS_MS,
  );
  expect(overdue.why).toBeDefined();
  const told = (await history(id)).filter(({ type }) => type === "rotation.overdue");
  expect(told.map(({ id: event }) => event)).toEqual([`overdue:${past}`]);
}, 200_000);

it("the lease of one clock keeps another out until it ends", async () => {
  const table = dynamoTimetable(aws, own.stateTable);
  const at = (text: string) => text as Instant;
  const [now, until] = [at("2999-01-01T00:00:00.000Z"), at("2999-01-01T00:02:30.000Z")];
  expect(await table.lease("one", now, until)).toBe(true);
  expect(await table.lease("one", now, until)).toBe(true);
  expect(await table.lease("two", now, until)).toBe(false);
  expect(await table.lease("two", at("2999-01-01T00:03:00.000Z"), at("2999-01-01T00:06:00.000Z"))).toBe(true);
  await table.release("one");
  expect(await table.lease("three", at("2999-01-01T00:03:30.000Z"), until)).toBe(false);
  await table.release("two");
});
