import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { ECSClient, RegisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteRolePolicyCommand,
  IAMClient,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateFunctionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { beforeAll, describe, expect, it } from "vitest";
import { accountReader } from "../../lib/aws/account-reader.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoIdentities } from "../../lib/aws/identity-index.ts";
import { dynamoInventory } from "../../lib/aws/inventory.ts";
import type { Reach, ReachedBy } from "../../lib/core/identity/index-port.ts";
import type { Aws, Credential, CredentialId, Identifier, Instant, Signal, WorkloadId } from "../../lib/core/types.ts";
import { rebuild } from "../../lib/engine/identity.ts";
import { reachedByWhom, reachOf } from "../../lib/engine/reach.ts";
import { resolve } from "../../lib/engine/resolve.ts";
import { memoryIdentities } from "../../lib/memory/identity-index.ts";
import { realClock } from "../support/clock.ts";
import { localAws } from "../support/local-aws.ts";

const ACCOUNT = "000000000000";
const TABLE = "rekey-state";
const local = localAws();
const calls: string[] = [];
let aws: Aws;

const policy = (statement: object) =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...statement }] });
const reading = (Resource: string) => policy({ Action: "secretsmanager:GetSecretValue", Resource });
const trust = policy({ Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "sts:AssumeRole" });

const createTable = async () => {
  const keys = (hash: string, range: string) => [
    { AttributeName: hash, KeyType: "HASH" as const },
    { AttributeName: range, KeyType: "RANGE" as const },
  ];
  await aws(DynamoDBClient).send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["PK", "SK", "gpk", "gsk"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: keys("PK", "SK"),
      GlobalSecondaryIndexes: [
        { IndexName: "list", KeySchema: keys("gpk", "gsk"), Projection: { ProjectionType: "ALL" } },
      ],
    }),
  );
};

const counting = () =>
  aws(DynamoDBClient).middlewareStack.add(
    (next, { commandName = "" }) =>
      (args) => {
        calls.push(commandName);
        return next(args);
      },
    { step: "initialize", name: "counting" },
  );

beforeAll(async () => {
  const { endpoint, region } = local();
  const credentials = { accessKeyId: ACCOUNT, secretAccessKey: "test" };
  aws = makeAws({ endpoint, region, credentials });
  await createTable();
  counting();
}, 240_000);

const at = (minute: number) => `2026-11-20T09:${String(minute).padStart(2, "0")}:00.000Z` as Instant;
const APP: Identifier = `iam-role:${ACCOUNT}/contract`;
const SECRET = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:contract-AbCdEf` as CredentialId;
const principal = { id: APP, arn: "arn", class: "ordinary", consumers: [] } as const;
const reach: Reach = { principal, reached: [{ credential: SECRET, edge: "can", path: [APP] }], more: 0 };
const by: ReachedBy = { credential: SECRET, by: [{ principal: APP, edge: "can", path: [APP] }], more: 0 };
const stores = [
  ["in Maps", () => memoryIdentities()],
  ["in DynamoDB", () => dynamoIdentities(aws, TABLE)],
] as const;

/** What the memory world proves of the index holds for the deployed one. */
describe.each(stores)("the identity index %s", (where, open) => {
  const account = where === "in Maps" ? "111111111111" : "222222222222";
  const key: Identifier = "role-id:AROACONTRACT00000000";
  const leads = { key, part: "entities", leads: [{ principal: APP }] } as const;

  it("answers what was put, and after a completed rebuild only what that wrote again", async () => {
    const index = open();
    await index.putLeads(account, [leads], at(0));
    await index.putReaches([reach], at(0));
    await index.putReachedBy([by], at(0));
    expect(await index.leads(account, [key, "role-id:AROANOBODY0000000000"])).toMatchObject({ found: [leads] });
    expect((await index.leads("333333333333", [key])).found, "of another account").toEqual([]);
    await index.complete({ account, valid: { entities: at(0) }, completedAt: at(1) }, at(0));
    const state = await index.state(account);
    expect(await index.reaches(state, [APP, `iam-role:${ACCOUNT}/unknown`])).toEqual([reach]);
    expect(await index.reachedBy(state, SECRET)).toEqual(by);
    await index.complete({ account, valid: { entities: at(2) }, completedAt: at(3) }, at(2));
    const next = await index.leads(account, [key]);
    expect(next).toMatchObject({ found: [], state: { completedAt: at(3) } });
    expect(await index.reaches(next.state, [APP])).toEqual([]);
    expect(await index.reachedBy(next.state, SECRET)).toBeUndefined();
  });

  it("lets one rebuild in at a time, and keeps a change that came while it was at work", async () => {
    const index = open();
    expect(await index.begin(account, at(10), at(20))).toBe(true);
    expect(await index.begin(account, at(11), at(21)), "the lease lasts").toBe(false);
    expect(await index.begin(account, at(20), at(30)), "it died").toBe(true);
    await index.soil(account, at(22));
    await index.complete({ account, valid: {}, completedAt: at(25) }, at(21));
    expect(await index.state(account), "it may not be in it").toMatchObject({ dirtyAt: at(22) });
    expect(await index.begin(account, at(26), at(36))).toBe(true);
    await index.giveUp(account);
    expect(await index.begin(account, at(27), at(37))).toBe(true);
    await index.complete({ account, valid: {}, completedAt: at(29) }, at(27));
    expect(await index.state(account)).not.toHaveProperty("dirtyAt");
  });

  it("keeps what each principal has read, once a pair", async () => {
    const index = open();
    const edge = { principal: `iam-role:${account}/app` as const, credential: SECRET, lastUsedAt: at(1) };
    await index.putReads(account, [{ ...edge, uses: 1, countedUntil: at(2) }]);
    await index.putReads(account, [{ ...edge, uses: 3, countedUntil: at(3) }]);
    expect(await index.reads(account)).toEqual([{ ...edge, uses: 3, countedUntil: at(3) }]);
  });
});

const newRole = async (RoleName: string, PolicyDocument?: string) => {
  const made = await aws(IAMClient).send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust }));
  if (PolicyDocument)
    await aws(IAMClient).send(new PutRolePolicyCommand({ RoleName, PolicyName: "own", PolicyDocument }));
  return { arn: made.Role?.Arn ?? "", unique: made.Role?.RoleId ?? "" };
};
const newSecret = async (Name: string, workload: string): Promise<Credential> => {
  const made = await aws(SecretsManagerClient).send(new CreateSecretCommand({ Name, SecretString: "x" }));
  const id = made.ARN as CredentialId;
  return {
    id,
    name: Name,
    kind: "opaque",
    workload: workload as WorkloadId,
    network: "default",
    protected: false,
    identifiers: [`secret:${id}`, `name:${Name}`],
  };
};
const signalOf = (subjects: readonly Identifier[]): Signal => ({
  id: "guardduty:x",
  source: "guardduty",
  type: "t",
  scenario: "compromised",
  severity: 90,
  activityAt: at(0),
  account: ACCOUNT,
  subjects,
  untrusted: "",
});

/** Whether the local AWS, which enforces IAM, lets a session of the role read the secret. */
const mayRead = async (RoleArn: string, SecretId: string): Promise<boolean> => {
  const { Credentials: own } = await aws(STSClient).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "tried" }));
  const credentials = {
    accessKeyId: own?.AccessKeyId ?? "",
    secretAccessKey: own?.SecretAccessKey ?? "",
    sessionToken: own?.SessionToken ?? "",
  };
  return aws(SecretsManagerClient, { credentials })
    .send(new GetSecretValueCommand({ SecretId }))
    .then(() => true)
    .catch((error: Error) => {
      if (error.name === "AccessDeniedException") return false;
      throw error;
    });
};

describe("an account on the local AWS, with IAM enforced", () => {
  const world = () => ({
    reader: accountReader(aws),
    identities: dynamoIdentities(aws, TABLE),
    inventory: dynamoInventory(aws, TABLE),
    clock: realClock,
    account: ACCOUNT,
    own: ["rekey-*"],
  });

  it("is read whole, and the index says of each role what AWS itself then answers", async () => {
    const secrets = await Promise.all(["orders-db", "orders-cache", "billing"].map((name) => newSecret(name, "w")));
    for (const one of secrets) await world().inventory.put(one);
    const [db, , billing] = secrets as [Credential, Credential, Credential];
    const denied = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Action: "secretsmanager:*", Resource: "*" },
        { Effect: "Deny", Action: "secretsmanager:Get*", Resource: billing.id },
      ],
    });
    const roles = {
      orders: await newRole("orders", reading(`arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:orders-*`)),
      all: await newRole("all-but-billing", denied),
      none: await newRole("none"),
      hop: await newRole("hop", policy({ Action: "sts:AssumeRole", Resource: `arn:aws:iam::${ACCOUNT}:role/orders` })),
    };
    const compute = await workloads(roles.orders.arn, db.id);
    const rebuilt = await rebuild(world());
    expect(rebuilt?.credentials).toBe(3);

    for (const name of ["orders", "all", "none"] as const) {
      const { arn, unique } = roles[name];
      const subject: Identifier = `role-session:${unique}:tried`;
      const { matches } = await resolve(world(), signalOf([subject]));
      const can = matches.filter(({ reached }) => reached?.edge === "can").map(({ credential }) => credential.name);
      const tried = await Promise.all(secrets.map(async ({ id, name: of }) => ((await mayRead(arn, id)) ? [of] : [])));
      expect(can.sort(), name).toEqual(tried.flat().sort());
    }
    const hopped = await reachOf(world().identities, ACCOUNT, `role-id:${roles.hop.unique}`);
    expect(hopped.reached.map(({ path }) => path.at(-1))).toEqual([
      `iam-role:${ACCOUNT}/orders`,
      `iam-role:${ACCOUNT}/orders`,
    ]);
    expect((await reachedByWhom(world().identities, billing.id)).by.map(({ principal }) => principal)).toEqual([
      `iam-user:${ACCOUNT}/clerk`,
    ]);
    for (const subject of compute) {
      const told = await reachOf(world().identities, ACCOUNT, subject);
      expect(told.unresolved, subject).toEqual([]);
      expect(
        told.reached.map(({ credential }) => credential),
        subject,
      ).toContain(subject.startsWith("aws-key:") ? billing.id : db.id);
    }
  });

  it("tells when a key was last used, but not of a new one that it was tried", async () => {
    await aws(IAMClient).send(new CreateUserCommand({ UserName: "signer" }));
    const { AccessKey } = await aws(IAMClient).send(new CreateAccessKeyCommand({ UserName: "signer" }));
    const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = AccessKey ?? {};
    const name = `aws-key:${accessKeyId}` as const;
    const credentials = { accessKeyId, secretAccessKey };
    const [reader, users] = [
      accountReader(aws),
      (await accountReader(aws).entities()).filter((one) => one.name === "signer"),
    ];
    const uses = () => reader.keyUses(users, new Set([name]));
    expect(await uses()).toEqual({ found: [] });
    await aws(STSClient, { credentials }).send(new GetCallerIdentityCommand({}));
    expect(await uses()).toEqual({ found: [] });
    // A refused request is a use as well.
    await aws(SecretsManagerClient, { credentials })
      .send(new ListSecretsCommand({}))
      .catch(() => undefined);
    expect(await uses()).toMatchObject({ found: [{ name, at: expect.stringMatching(/^20.*Z$/) }] });
    expect(await reader.keyUses(users, new Set())).toEqual({ found: [] });
  });

  it("costs a signal three batch reads at the most, one query a name, and no scan", async () => {
    const { unique } = (await rolesNamed("orders")) ?? { unique: "" };
    calls.length = 0;
    const subjects: readonly Identifier[] = [`role-session:${unique}:tried`, `assumed-role:${ACCOUNT}/orders/tried`];
    const { matches } = await resolve(world(), signalOf(subjects));
    expect(matches).toHaveLength(2);
    const made = (name: string) => calls.filter((one) => one === name).length;
    expect(made("BatchGetItemCommand")).toBeLessThanOrEqual(3);
    // The two subjects and the role that they show.
    expect(made("QueryCommand")).toBeLessThanOrEqual(3);
    expect(made("BatchGetItemCommand") + made("QueryCommand")).toBe(calls.length);
  });

  it("says that a role that may no longer read has read, and how often, once it is built again", async () => {
    const { unique } = (await rolesNamed("orders")) ?? { unique: "" };
    await aws(IAMClient).send(new DeleteRolePolicyCommand({ RoleName: "orders", PolicyName: "own" }));
    await rebuild(world());
    const { matches } = await resolve(world(), signalOf([`role-session:${unique}:tried`]));
    const ways = matches.map(({ reached }) => ({ edge: reached?.edge, uses: reached?.uses, unsure: reached?.unsure }));
    expect(ways).toEqual([0, 1].map(() => ({ edge: "did", uses: 1, unsure: undefined })));
    const hop = await reachOf(world().identities, ACCOUNT, `iam-role:${ACCOUNT}/all-but-billing`);
    expect(
      hop.reached.some(({ credential }) => credential.includes("billing")),
      "never read, never allowed",
    ).toBe(false);
    expect(hop.reached.every(({ edge, uses }) => edge === "did" && uses === 1)).toBe(true);
  });
});

const rolesNamed = async (name: string) =>
  (await accountReader(aws).entities())
    .filter((one) => one.name === name)
    .map(({ uniqueId }) => ({ unique: uniqueId }))[0];

/** A function and a task with the role, the task given a secret, and a user with a managed policy and a key. */
const workloads = async (role: string, secret: string): Promise<readonly Identifier[]> => {
  const made = await aws(LambdaClient).send(
    new CreateFunctionCommand({
      FunctionName: "orders",
      Role: role,
      Runtime: "nodejs22.x",
      Handler: "index.handler",
      Code: { ZipFile: new Uint8Array(Buffer.from("UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==", "base64")) },
    }),
  );
  const { taskDefinition } = await aws(ECSClient).send(
    new RegisterTaskDefinitionCommand({
      family: "orders",
      taskRoleArn: role,
      containerDefinitions: [
        { name: "main", image: "i", secrets: [{ name: "DB", valueFrom: `${secret}:password::` }] },
      ],
    }),
  );
  await aws(IAMClient).send(new CreateUserCommand({ UserName: "clerk" }));
  const PolicyDocument = reading(`arn:aws:secretsmanager:*:${ACCOUNT}:secret:billing-*`);
  const { Policy } = await aws(IAMClient).send(new CreatePolicyCommand({ PolicyName: "clerks", PolicyDocument }));
  await aws(IAMClient).send(new AttachUserPolicyCommand({ UserName: "clerk", PolicyArn: Policy?.Arn }));
  const { AccessKey } = await aws(IAMClient).send(new CreateAccessKeyCommand({ UserName: "clerk" }));
  return [
    `function:${made.FunctionArn}`,
    `task-definition:${taskDefinition?.taskDefinitionArn}`,
    `aws-key:${AccessKey?.AccessKeyId}`,
  ];
};
