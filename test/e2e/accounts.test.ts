import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { IAM } from "@aws-sdk/client-iam";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SQS } from "@aws-sdk/client-sqs";
import { STS } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoIncidents } from "../../lib/aws/incidents.ts";
import { dynamoInventory } from "../../lib/aws/inventory.ts";
import { dynamoHistory } from "../../lib/aws/ledger.ts";
import { invoke } from "../../lib/aws/network.ts";
import { names } from "../../lib/core/names.ts";
import type { CredentialId } from "../../lib/core/types.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { clientConfig, until } from "../../local/demo/stage.ts";
import { deploy } from "../../local/deploy.ts";
import { root } from "../../local/process.ts";

const own = names();
const OTHER = "222222222222";
const ACTOR = { kind: "human", principal: "e2e" };
let dir: string;
let local: LocalAws;
let other: LocalAws;
let aws: ReturnType<typeof makeAws>;
let there: ReturnType<typeof makeAws>;

/** The same emulator as the root of another account: a 12-digit key id is that account. */
const asAccount = (of: LocalAws, account: string): LocalAws => ({
  ...of,
  account,
  env: { ...of.env, AWS_ACCESS_KEY_ID: account, AWS_SECRET_ACCESS_KEY: "test", CDK_DEFAULT_ACCOUNT: account },
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rekey-accounts-"));
  local = await startAws({ dir: join(dir, "aws") });
  other = asAccount(local, OTHER);
  [aws, there] = [makeAws(clientConfig(local)), makeAws(clientConfig(other))];
  const place = { account: local.account, region: local.region };
  const config = join(dir, "rekey.config.mjs");
  const spokes = [place, { account: OTHER, region: local.region }];
  await writeFile(
    config,
    `export default ${JSON.stringify({ env: place, spokes, quarantine: { roles: ["app-*"] } })};`,
  );
  const app = `${process.execPath} ${join(root, "cdk/app.ts")}`;
  const common = { app, context: { config } };
  const hub = ["rekey-hub", `rekey-spoke-${local.account}`];
  await deploy({ ...common, aws: local, stacks: hub, outDir: join(dir, "hub") });
  await deploy({ ...common, aws: other, stacks: [`rekey-spoke-${OTHER}`], alone: true, outDir: join(dir, "spoke") });
}, 400_000);
afterAll(async () => {
  await local?.stop();
  await rm(dir, { recursive: true, force: true });
});

const makeSecret = async (Name: string, tags: Readonly<Record<string, string>>, value: object) => {
  const Tags = Object.entries(tags).map(([key, Value]) => ({ Key: `rekey:${key}`, Value }));
  const command = new CreateSecretCommand({ Name, SecretString: JSON.stringify(value), Tags });
  return ((await there(SecretsManagerClient).send(command)).ARN ?? "") as CredentialId;
};
const report = async (id: string, subjects: readonly string[]) => {
  const common = { type: "E2E/Elsewhere", scenario: "compromised", severity: 95 };
  const Detail = JSON.stringify({ id, ...common, activityAt: new Date().toISOString(), subjects });
  await there(EventBridge).putEvents({ Entries: [{ Source: "rekey.signal", DetailType: "Rekey Signal", Detail }] });
};
const refused = (work: () => Promise<unknown>) =>
  work().then(
    () => undefined,
    () => true,
  );
const newest = (id: string) =>
  until("the incident", async () =>
    (await dynamoIncidents(aws, own.stateTable).recent(5)).find(
      ({ signal, state }) => signal === `custom:${OTHER}:${id}` && state !== "claimed",
    ),
  );
const history = (id: CredentialId) => dynamoHistory({ aws, table: own.ledgerTable }).history(id);

it("a key of another account is indexed by the role there, refused by a signal from there, and comes back by a restore", async () => {
  const iam = there(IAM);
  await iam.createUser({ UserName: "billing", Path: "/rekey/" });
  const { AccessKey } = await iam.createAccessKey({ UserName: "billing" });
  const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = AccessKey ?? {};
  const tags = { kind: "iam-access-key", workload: "billing", network: "default", user: "billing" };
  const id = await makeSecret("billing", tags, { accessKeyId, secretAccessKey });
  expect(id).toContain(`:${OTHER}:`);
  const told = (await invoke(aws, own.discover, {}, "discover")) as {
    accounts: { account: string; problem?: string }[];
  };
  expect(told.accounts.map(({ account, problem }) => [account, problem])).toEqual([
    [local.account, undefined],
    [OTHER, undefined],
  ]);
  const known = await dynamoInventory(aws, own.stateTable).get(id);
  expect(known?.identifiers).toContain(`aws-key:${accessKeyId}`);

  const thief = new STS({ ...clientConfig(other), credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 });
  await thief.getCallerIdentity({});
  await report("stolen-there", [`aws-key:${accessKeyId}`]);
  await until("its key to be refused", () => refused(() => thief.getCallerIdentity({})));
  const incident = await newest("stolen-there");
  const types = (await history(id)).map(({ type }) => type);
  expect(types).toEqual(expect.arrayContaining(["inventory.registered", "signal.received", "containment.effective"]));
  await invoke(aws, own.respond, { order: "restore", incident: incident.id, actor: ACTOR }, "not restored");
  await thief.getCallerIdentity({});
}, 200_000);

it("a role of another account is denied by a signal from there, and gets back what it had", async () => {
  const iam = there(IAM);
  const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
  const trust = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${OTHER}:root` }, Action: "sts:AssumeRole" };
  await iam.createRole({ RoleName: "app-billing", AssumeRolePolicyDocument: policy(trust) });
  const allowed = policy({ Effect: "Allow", Action: "sqs:ListQueues", Resource: "*" });
  await iam.putRolePolicy({ RoleName: "app-billing", PolicyName: "work", PolicyDocument: allowed });
  await invoke(aws, own.discover, {}, "discover");
  const RoleArn = `arn:aws:iam::${OTHER}:role/app-billing`;
  const { Credentials, AssumedRoleUser } = await there(STS).assumeRole({ RoleArn, RoleSessionName: "task-1" });
  const credentials = {
    accessKeyId: Credentials?.AccessKeyId ?? "",
    secretAccessKey: Credentials?.SecretAccessKey ?? "",
    sessionToken: Credentials?.SessionToken ?? "",
  };
  const session = new SQS({ ...clientConfig(other), credentials, maxAttempts: 1 });
  await session.listQueues({});
  await report("shell-there", [
    `role-session:${AssumedRoleUser?.AssumedRoleId}`,
    `assumed-role:${OTHER}/app-billing/task-1`,
  ]);
  await until("its session to be refused", () => refused(() => session.listQueues({})));
  const incident = await newest("shell-there");
  expect(Object.keys(incident.quarantined ?? {})).toEqual([`iam-role:${OTHER}/app-billing`]);
  await invoke(aws, own.respond, { order: "restore", incident: incident.id, actor: ACTOR }, "not restored");
  await session.listQueues({});
  expect((await iam.listRolePolicies({ RoleName: "app-billing" })).PolicyNames).toEqual(["work"]);
}, 200_000);
