import { randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DynamoDBClient, ScanCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  IAMClient,
  ListAccessKeysCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import { GetObjectCommand, ListBucketsCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import {
  GetResourcePolicyCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { GetQueueUrlCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dynamoHistory } from "../../lib/aws/ledger.ts";
import { invoke } from "../../lib/aws/network.ts";
import { secretsManagerVault } from "../../lib/aws/vault.ts";
import { names } from "../../lib/core/names.ts";
import type { CredentialId } from "../../lib/core/types.ts";
import { canLogIn } from "../../local/demo/attacker.ts";
import { openCli } from "../../local/demo/ledger.ts";
import { until } from "../../local/demo/stage.ts";
import { signal as report, type Session, sessionOf, trustAlso } from "./principals.ts";
import { granted, used } from "./privilege.ts";
import { adopt, complaintOf, type Running, runDemo, stopDemo } from "./stage.ts";

/** Planted in every input; must be found in no log and no record. */
/** As a person pastes one into a reason. */
const TOKEN = `ghp_${randomBytes(18).toString("hex")}`;
const CANARY = `CANARY${randomBytes(12).toString("hex")}`;
const OWNER = { workload: "e2e", network: "default" };
const ACTOR = { kind: "human", principal: "e2e" } as const;

let running: Running;
beforeAll(async () => {
  running = await runDemo();
}, 400_000);
afterAll(() => stopDemo());

const material = (over: object = {}) => ({
  engine: "postgres",
  host: "127.0.0.1",
  port: running.database.port,
  dbname: "app",
  username: "billing",
  password: CANARY,
  ...over,
});
const rotate = (credential: CredentialId) => ({
  verb: "rotate",
  credential,
  attempt: randomBytes(32).toString("hex"),
  actor: ACTOR,
});
const currentOf = async (id: string): Promise<string> => {
  const held = await running.aws(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId: id }));
  return held.SecretString ?? "";
};
const json = async (...args: readonly string[]) => {
  const { output } = await running.cli("--json", ...args);
  return JSON.parse(output) as Record<string, unknown>;
};
const put = (source: string, type: string, detail: string) =>
  running
    .aws(EventBridgeClient)
    .send(new PutEventsCommand({ Entries: [{ Source: source, DetailType: type, Detail: detail }] }));

describe("the main job, from a clean machine", () => {
  it("happens as told, every step of it", () => {
    expect(running.told.steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(running.told.steps.length).toBeGreaterThan(14);
    expect(running.code).toBe(0);
  });
});

type Bad = readonly [what: string, tags: Readonly<Record<string, string>>, over: object, told: RegExp];
const BAD: readonly Bad[] = [
  ["JSON that lacks a field", { kind: "postgres", admin: "demo/admin" }, { username: undefined }, /field username/],
  ["a kind that no rotator knows", { kind: "orakel", admin: "demo/admin" }, {}, /rekey:kind=orakel.*postgres/],
  ["a strategy that does not exist", { kind: "postgres", admin: "demo/admin", strategy: "both" }, {}, /rekey:strategy/],
  ["a target whose admin secret is missing", { kind: "postgres", admin: "demo/nobody" }, {}, /demo\/nobody/],
  [
    "a database that cannot be reached",
    { kind: "postgres", admin: "e2e/unreachable-admin", tls: "disable" },
    { port: 1 },
    /127\.0\.0\.1:1\b/,
  ],
  [
    "an admin login that is refused",
    { kind: "postgres", admin: "e2e/wrong-admin", tls: "disable" },
    {},
    /e2e\/wrong-admin/,
  ],
];

describe("bad input", () => {
  beforeAll(async () => {
    const tags = { network: "default" };
    await adopt(running, "e2e/wrong-admin", tags, { username: "rekey_rotator", password: `${CANARY}-admin` });
    await adopt(running, "e2e/unreachable-admin", tags, { username: "rekey_rotator", password: `${CANARY}-admin` });
  });

  it.each(BAD)("%s: says what, which and the mend, and leaves AWSCURRENT as it was", async (what, tags, over, told) => {
    const id = await adopt(running, `e2e/${what.replaceAll(" ", "-")}`, { ...OWNER, ...tags }, material(over));
    const before = await currentOf(id);
    const error = await complaintOf(running, rotate(id));
    expect(error.message).toMatch(told);
    expect(error.message).not.toContain(CANARY);
    expect(await currentOf(id)).toBe(before);
    const { events } = (await json("history", id).catch(() => ({ events: [] }))) as { events: { type: string }[] };
    expect(events.filter(({ type }) => type === "rotation.succeeded")).toEqual([]);
  });

  it("a secret without the tag that opens it: IAM refuses, and the mend is named", async () => {
    const id = await adopt(running, "e2e/not-ours", { kind: "postgres" }, material());
    expect((await complaintOf(running, rotate(id))).message).toMatch(/e2e\/not-ours.*rekey:network/);
  });
});

type Status = {
  readonly rejected: number;
  readonly unanswered: readonly { readonly type: string; readonly data: object }[];
};
const status = async () => (await json("status")) as unknown as Status;

describe("signals that lead to nothing are kept and shown", () => {
  const signal = (over: object = {}) => ({
    id: "e2e",
    type: "E2E/Hostile",
    scenario: "exfiltrated",
    severity: 90,
    activityAt: new Date().toISOString(),
    subjects: ["workload:nobody"],
    ...over,
  });
  const HOSTILE = `"><script>alert(1)</script> \${jndi:ldap://x} '; DROP ROLE billing; -- $(reboot) \u202e\u0000`;

  it("malformed: in the rejected queue whole, in the ledger, in `rekey status`", async () => {
    const { rejected } = await status();
    await put("rekey.signal", "Rekey Signal", JSON.stringify({ nonsense: CANARY }));
    const after = await until("the rejected signal", async () => {
      const now = await status();
      return now.rejected > rejected ? now : undefined;
    });
    expect(after.unanswered.some(({ type }) => type === "signal.rejected")).toBe(true);
  });

  it("of 250 KB: loses nothing", async () => {
    const { rejected } = await status();
    await put("rekey.signal", "Rekey Signal", JSON.stringify(signal({ id: "big", text: "x".repeat(250_000) })));
    await until("the big signal", async () => ((await status()).rejected > rejected ? true : undefined));
    const sqs = running.aws(SQSClient);
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: names().rejectedQueue }));
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 0,
        MessageAttributeNames: ["All"],
      }),
    );
    const big = Messages.find(({ Body = "" }) => Body.length > 250_000);
    expect(big?.MessageAttributes?.["reason"]?.StringValue).toMatch(/text/);
  });

  it("with hostile text: harmless, recorded as data", async () => {
    await put("rekey.signal", "Rekey Signal", JSON.stringify(signal({ id: "hostile", text: HOSTILE })));
    await put(
      "rekey.signal",
      "Rekey Signal",
      JSON.stringify(signal({ id: HOSTILE, type: HOSTILE, subjects: [HOSTILE] })),
    );
    const { unanswered } = await until("the hostile signal", async () => {
      const now = await status();
      return now.unanswered.some(({ data }) => JSON.stringify(data).includes("hostile")) ? now : undefined;
    });
    expect(JSON.stringify(unanswered)).not.toContain("<script>");
  });

  it("an account that speaks for another: rejected", async () => {
    const { rejected } = await status();
    const subjects = ["iam-user:999999999999/root"];
    await put("rekey.signal", "Rekey Signal", JSON.stringify(signal({ id: "other", subjects })));
    await until("the rejection", async () => ((await status()).rejected > rejected ? true : undefined));
  });
});

describe("a person's orders", () => {
  it("contain --dry-run changes nothing", async () => {
    const before = await json("history", "demo/billing");
    const plan = await json("contain", "demo/billing", "--dry-run");
    expect(plan).toMatchObject({ dryRun: true, plans: [{ wouldRotate: true }] });
    expect(await json("history", "demo/billing")).toEqual(before);
  });

  it("contain a single login, then it works again on fresh material; restore says what it did", async () => {
    const before = await currentOf("demo/billing");
    const told = await json("contain", "demo/billing", "--reason", "e2e");
    expect(told).toMatchObject({ state: "refused" });
    expect(await currentOf("demo/billing")).not.toBe(before);
  }, 60_000);

  it("a compromised workload gets nothing fresh until it is restored", async () => {
    const before = await currentOf("demo/orders");
    const told = await json("contain", "demo/orders", "--scenario", "compromised");
    expect(told).toMatchObject({ state: "refused" });
    expect(await currentOf("demo/orders")).toBe(before);
    const restored = await json("restore", String(told["incident"]));
    // Only the current version: the previous one was revoked by the demo's incident, which nobody has undone.
    expect(restored).toMatchObject({ restored: [expect.any(String)] });
  });

  it("a credential made narrower goes on working without its owner's rights, and gets them back", async () => {
    const before = await currentOf("demo/orders");
    const told = await json("contain", "demo/orders", "--narrow", "--reason", "e2e");
    expect(told).toMatchObject({ state: "refused" });
    expect(await currentOf("demo/orders")).toBe(before);
    const { username: user, password } = JSON.parse(before) as { username: string; password: string };
    const { host, port } = running.database;
    const client = new pg.Client({ host, port, database: "app", user, password });
    await client.connect();
    await expect(client.query("SET ROLE orders_owner")).rejects.toMatchObject({ code: "42501" });
    await json("restore", String(told["incident"]));
    await client.query("SET ROLE orders_owner");
    await client.end();
  });

  it("what cannot be made narrower is said, and is left as it is", async () => {
    const { output, code } = await running.cli("contain", "demo/ci-deployer", "--narrow");
    expect(code).toBe(1);
    expect(output).toContain("cannot be made narrower");
  });

  it("a single login that was contained as compromised comes back by restore, its superseded version does not", async () => {
    const told = await json("contain", "demo/billing", "--scenario", "compromised");
    expect(told).toMatchObject({ state: "refused" });
    expect(await json("restore", String(told["incident"]))).toMatchObject({ restored: [expect.any(String)] });
    const { username, password } = JSON.parse(await currentOf("demo/billing")) as {
      username: string;
      password: string;
    };
    const { host, port } = running.database;
    expect(await canLogIn({ host, port, database: "app", user: username, password })).toBe(true);
  });

  it("contains many on one word, with an incident for each, and asks first", async () => {
    const asked = await running.cli("contain", "--kind", "postgres");
    expect([asked.code, asked.output]).toEqual([1, expect.stringMatching(/Nothing was contained.*--yes/)]);
    const all = ["contain", "--kind", "postgres", "--scenario", "compromised"];
    expect(await json(...all, "--dry-run")).toMatchObject({ dryRun: true, done: 2, failed: 0 });
    const told = (await json(...all, "--yes")) as { done: number; results: { told: { incident: string } }[] };
    expect(told.done).toBe(2);
    const incidents = told.results.map((one) => one.told.incident);
    expect(new Set(incidents).size).toBe(2);
    for (const incident of incidents) {
      expect(await json("restore", incident)).toMatchObject({ restored: [expect.any(String)] });
    }
    expect(await json("contain", "--kind", "redis", "--yes")).toMatchObject({ results: [] });
  });

  it("unknown things are named with the mend, and usage is exit code 2", async () => {
    const nobody = await running.cli("history", "demo/nobody");
    expect(nobody.code).toBe(1);
    expect(nobody.output).toMatch(/demo\/nobody.*inventory/);
    expect((await running.cli("restore", "inc-none")).output).toMatch(/inc-none/);
    expect((await running.cli("nonsense")).code).toBe(2);
  });
});

type Inventory = { readonly credentials: readonly { id: CredentialId; name: string }[] };
type Incidents = { readonly incidents: readonly { id: string; signal: string; state: string }[] };
const incidentOf = (id: string) =>
  until(`the incident of ${id}`, async () => {
    const { incidents } = (await json("status")) as Incidents;
    return incidents.find((one) => one.signal.endsWith(`:${id}`) && one.state !== "claimed")?.id;
  });
/** What the workload logs in with now. */
const loginOf = async (id: string) => {
  const { username: user, password } = JSON.parse(await currentOf(id)) as { username: string; password: string };
  const { host, port } = running.database;
  return { host, port, database: "app", user, password };
};
const policyOf = async (SecretId: string): Promise<string> => {
  const { ResourcePolicy = "" } = await running
    .aws(SecretsManagerClient)
    .send(new GetResourcePolicyCommand({ SecretId }));
  return ResourcePolicy;
};
const gone = (session: Session) =>
  until("its session to be refused", async () => ((await session.reads("demo/orders")) ? undefined : true));

describe("a workload's role", () => {
  beforeAll(() => trustAlso(running.local, "demo-orders"));

  it("loses one stolen session by a signal, and its other sessions go on", async () => {
    const [stolen, other] = [
      await sessionOf(running.local, "demo-orders", "stolen"),
      await sessionOf(running.local, "demo-orders", "other"),
    ];
    expect(await stolen.reads("demo/orders")).toBe(true);
    await report(running.local, { id: "stolen", scenario: "exfiltrated", subjects: stolen.subjects });
    await gone(stolen);
    expect(await other.reads("demo/orders")).toBe(true);
    const incident = await incidentOf("stolen");
    // Its role denies it everything; the secret itself denies it the replacement, whatever becomes of that.
    expect(await policyOf("demo/orders")).toContain(stolen.userId);
    await json("restore", incident);
    expect(await policyOf("demo/orders")).toBe("");
    expect(await stolen.reads("demo/orders")).toBe(true);
  }, 60_000);

  it("that is compromised is denied before its login dies; nothing fresh reaches it; both come back", async () => {
    const session = await sessionOf(running.local, "demo-orders", "task-1");
    const before = await currentOf("demo/orders");
    const login = await loginOf("demo/orders");
    expect(await canLogIn(login)).toBe(true);
    await report(running.local, { id: "inside", scenario: "compromised", subjects: session.subjects });
    await gone(session);
    const incident = await incidentOf("inside");
    expect(await canLogIn(login)).toBe(false);
    expect(await currentOf("demo/orders")).toBe(before);
    const ledger = dynamoHistory({ aws: running.aws, table: names().ledgerTable });
    const { id } =
      ((await json("inventory")) as Inventory).credentials.find(({ name }) => name === "demo/orders") ?? {};
    const told = await ledger.history(id ?? "");
    const effective = told.find(({ type, data }) => type === "containment.effective" && data["incident"] === incident);
    const role = await ledger.history(`iam-role:${running.local.account}/demo-orders`);
    const denied = role.find(({ type, data }) => type === "containment.quarantined" && data.incident === incident);
    expect(String(denied?.at) < String(effective?.at)).toBe(true);
    // Both logins that took turns had to die, and both come back.
    expect(await json("restore", incident)).toMatchObject({ restored: [expect.any(String), expect.any(String)] });
    expect(await canLogIn(login)).toBe(true);
    expect(await session.reads("demo/orders")).toBe(true);
  }, 60_000);
});

describe("what nothing declares", () => {
  it("is contained all the same, if the compromised role has read it; what it could only read is left alone", async () => {
    const iam = running.aws(IAMClient);
    const role = { RoleName: "demo-batch" };
    const statement = (more: object) =>
      JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", ...more }] });
    const AssumeRolePolicyDocument = statement({
      Principal: { Service: "lambda.amazonaws.com" },
      Action: "sts:AssumeRole",
    });
    await iam.send(new CreateRoleCommand({ ...role, AssumeRolePolicyDocument }));
    const reads = { Action: "secretsmanager:GetSecretValue", Resource: "arn:aws:secretsmanager:*:*:secret:demo/*" };
    await iam.send(new PutRolePolicyCommand({ ...role, PolicyName: "reads", PolicyDocument: statement(reads) }));
    await trustAlso(running.local, role.RoleName);
    const session = await sessionOf(running.local, role.RoleName, "night");
    expect(await session.reads("demo/billing")).toBe(true);
    await json("inventory", "--refresh");
    const [billing, orders] = await Promise.all([loginOf("demo/billing"), loginOf("demo/orders")]);
    await report(running.local, { id: "night", scenario: "compromised", subjects: session.subjects });
    await until("the login to be refused", async () => ((await canLogIn(billing)) ? undefined : true));
    expect(await session.reads("demo/orders")).toBe(false);
    expect(await canLogIn(orders)).toBe(true);
    await json("restore", await incidentOf("night"));
    expect(await canLogIn(billing)).toBe(true);
  }, 60_000);
});

/** A person of the account with their own access key, who may look and give orders. */
const personNamed = async (UserName: string) => {
  const iam = running.aws(IAMClient);
  await iam.send(new CreateUserCommand({ UserName }));
  const Action = ["lambda:InvokeFunction", "dynamodb:GetItem", "dynamodb:Query"];
  const PolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action, Resource: "*" }],
  });
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "orders", PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const key = {
    AWS_ACCESS_KEY_ID: AccessKey?.AccessKeyId ?? "",
    AWS_SECRET_ACCESS_KEY: AccessKey?.SecretAccessKey ?? "",
  };
  return openCli({ ...running.local, env: { ...running.local.env, ...key } });
};

describe("what is proposed", () => {
  it("is done once another person has approved the very plan, and not by whoever asked for it", async () => {
    const alice = await personNamed("alice");
    const login = await loginOf("demo/billing");
    const asked = await json("propose", "demo/billing", "--scenario", "compromised", "--reason", "seen in a paste");
    const [id, hash] = [String(asked["proposal"]), String(asked["hash"])];
    expect(asked).toMatchObject({ state: "open", needs: 1, approvals: 0 });
    expect((await running.cli("proposals")).output).toContain(id);
    const own = await running.cli("approve", id, "--hash", hash);
    expect([own.code, own.output]).toEqual([1, expect.stringMatching(/whoever has proposed it cannot approve/)]);
    const other = await alice("approve", id, "--hash", "0".repeat(64));
    expect([other.code, other.output]).toEqual([1, expect.stringMatching(/you have seen another/)]);
    expect((await alice("approve", id)).output).toMatch(/Nothing was approved. Add --hash/);
    expect(await canLogIn(login)).toBe(true);
    const done = await alice("approve", id, "--hash", hash);
    expect([done.code, done.output]).toEqual([0, expect.stringMatching(/is approved.*\n.*refused/)]);
    expect(await canLogIn(login)).toBe(false);
    const late = await alice("deny", id, "--reason", "too late");
    expect([late.code, late.output]).toEqual([1, expect.stringMatching(/an approval is used once/)]);
    await json("restore", id);
    expect(await canLogIn(login)).toBe(true);
    const { output } = await running.cli("history", "demo/billing");
    expect(output).toMatch(/approval\.requested[\s\S]*approval\.granted[\s\S]*alice/);
  }, 60_000);
});

const USER = { UserName: "ci-deployer" };

describe("an access key", () => {
  it("that a crash orphaned is swept by the next rotation", async () => {
    const iam = running.aws(IAMClient);
    const { AccessKeyMetadata = [] } = await iam.send(new ListAccessKeysCommand(USER));
    for (const { AccessKeyId, Status } of AccessKeyMetadata) {
      if (Status === "Inactive") await iam.send(new DeleteAccessKeyCommand({ ...USER, AccessKeyId }));
    }
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand(USER));
    const { credentials } = (await json("inventory", "--refresh")) as {
      credentials: { id: CredentialId; name: string }[];
    };
    const id = credentials.find(({ name }) => name === "demo/ci-deployer")?.id ?? ("" as CredentialId);
    await invoke(running.aws, names().rotate("default"), rotate(id), "not rotated");
    const after = await iam.send(new ListAccessKeysCommand(USER));
    expect(after.AccessKeyMetadata?.map(({ AccessKeyId }) => AccessKeyId)).not.toContain(AccessKey?.AccessKeyId);
  });

  it("comes back by restore after a false alarm", async () => {
    const before = JSON.parse(await currentOf("demo/ci-deployer")) as { accessKeyId: string };
    const told = await json("contain", "demo/ci-deployer", "--scenario", "compromised");
    const statusOf = async () => {
      const { AccessKeyMetadata = [] } = await running.aws(IAMClient).send(new ListAccessKeysCommand(USER));
      return AccessKeyMetadata.find(({ AccessKeyId }) => AccessKeyId === before.accessKeyId)?.Status;
    };
    expect(await statusOf()).toBe("Inactive");
    await json("restore", String(told["incident"]));
    expect(await statusOf()).toBe("Active");
  });
});

describe("the commands of a day", () => {
  const idOf = async (name: string) => {
    const { credentials } = (await json("inventory")) as { credentials: { id: CredentialId; name: string }[] };
    return credentials.find((one) => one.name === name)?.id ?? ("" as CredentialId);
  };
  const retiring = async () =>
    ((await json("status")) as { retiring: { credential: string; version: string }[] }).retiring;

  it("doctor finds nothing ill with a credential that works", async () => {
    const told = (await json("doctor", "demo/orders")) as { findings: { verdict: string }[] };
    const found = told.findings;
    expect(found.length).toBeGreaterThan(5);
    expect(found.filter(({ verdict }) => verdict === "ill")).toEqual([]);
  });

  it("a dry run of rotate writes nothing", async () => {
    const [before, version] = [await json("history", "demo/orders"), await currentOf("demo/orders")];
    await json("rotate", "demo/orders", "--dry-run");
    expect(await json("history", "demo/orders")).toEqual(before);
    expect(await currentOf("demo/orders")).toBe(version);
  });

  it("a replaced version dies once nobody uses it, by the clock and with an entry in the ledger", async () => {
    const id = await idOf("demo/ci-deployer");
    const old = JSON.parse(await currentOf("demo/ci-deployer")) as { accessKeyId: string };
    const before = new Set((await retiring()).map(({ version }) => version));
    await json("rotate", "demo/ci-deployer");
    const entry = (await retiring()).find(({ credential, version }) => credential === id && !before.has(version));
    expect(entry, "it is on the must-die list").toBeDefined();
    // What a quarter of an hour would do.
    await running.aws(DynamoDBClient).send(
      new UpdateItemCommand({
        TableName: names().stateTable,
        Key: { PK: { S: `RETIRE#${id}` }, SK: { S: entry?.version ?? "" } },
        UpdateExpression: "SET dueAt = :past, gsk = :past",
        ExpressionAttributeValues: { ":past": { S: "2026-01-01T00:00:00.000Z" } },
      }),
    );
    await invoke(running.aws, names().clock, {}, "the clock failed");
    expect((await retiring()).map(({ version }) => version)).not.toContain(entry?.version);
    const { AccessKeyMetadata = [] } = await running.aws(IAMClient).send(new ListAccessKeysCommand(USER));
    expect(AccessKeyMetadata.find(({ AccessKeyId }) => AccessKeyId === old.accessKeyId)?.Status).toBe("Inactive");
    const { events } = (await json("history", "demo/ci-deployer")) as { events: { type: string }[] };
    expect(events.map(({ type }) => type)).toContain("version.retired");
  });
});

describe("what only people can replace", () => {
  const stripe = async (key: string) => {
    const tags = {
      ...OWNER,
      kind: "manual",
      provider: "stripe",
      resource: "live-key",
      schedule: "rate 30 days",
      start: "now",
    };
    const id = await adopt(running, "e2e/stripe", tags, { apiKey: `${CANARY}-${key}` });
    await json("inventory", "--refresh");
    // The scheduler's own tick may hold the lease.
    await until("people to be asked", async () => {
      await invoke(running.aws, names().clock, {}, "the clock failed");
      const { events } = (await json("history", id)) as { events: { type: string }[] };
      return events.some(({ type }) => type === "rotation.asked") || undefined;
    });
    return id;
  };
  const stagesOf = async (id: CredentialId) => {
    const { labels } = await secretsManagerVault(running.aws).describe(id);
    return labels;
  };

  it("is taken over and ended on a person's word with evidence, and asked for when it leaks", async () => {
    const id = await stripe("one");
    const { current: first } = await stagesOf(id);
    const ticket = ["--ticket", "OPS-12"];
    expect((await running.cli("rotate", "e2e/stripe")).output).toMatch(/waits for a person.*rekey attest/s);
    expect((await running.cli("attest", "e2e/stripe", "--replaced", ...ticket)).output).toMatch(/AWSPENDING/);
    await running.aws(SecretsManagerClient).send(
      new PutSecretValueCommand({
        SecretId: id,
        SecretString: JSON.stringify({ apiKey: `${CANARY}-two` }),
        VersionStages: ["AWSPENDING"],
      }),
    );
    const proof = join(dirname(running.local.logFile), "revoked.txt");
    await writeFile(proof, "screenshot of the provider's page");
    const told = await json("attest", "e2e/stripe", "--replaced", ...ticket, "--file", proof);
    expect(told).toMatchObject({ replaced: first, evidence: [{ ref: "OPS-12" }, { ref: "revoked.txt" }] });
    expect(await stagesOf(id)).toMatchObject({ current: told["version"], previous: first });

    const contained = await json("contain", "e2e/stripe");
    expect(contained).toMatchObject({ state: "asked", credentials: [], asked: [id] });
    const waiting = async () =>
      ((await json("status")) as { retiring: { credential: string; version: string }[] }).retiring
        .filter(({ credential }) => credential === id)
        .map(({ version }) => version)
        .sort();
    expect(await waiting()).toEqual([first, told["version"]].sort());
    for (const version of await waiting()) await json("attest", "e2e/stripe", "--ended", version, ...ticket);
    expect(await waiting()).toEqual([]);
    const { incidents } = (await json("status")) as { incidents: { id: string; state: string }[] };
    expect(incidents.find((one) => one.id === contained["incident"])?.state).toBe("contained");
    const { events } = (await json("history", id)) as { events: { type: string; data: unknown }[] };
    const types = events.map(({ type }) => type);
    expect(types).toEqual(
      expect.arrayContaining(["rotation.asked", "version.attested", "containment.asked", "containment.attested"]),
    );
    expect(types).not.toContain("containment.effective");
    expect(types).not.toContain("version.retired");
  }, 120_000);
});

/** Of this run only. */
const packs = () => join(dirname(running.local.logFile), `packs-${process.pid}`);

describe("the ledger is looked after", () => {
  it("beats, and is found whole when all of it is hashed anew", async () => {
    expect(await invoke(running.aws, names().watch, {}, "no beat")).toMatchObject({ isStale: false });
    expect(await invoke(running.aws, names().watch, { rehash: true }, "not hashed")).toMatchObject({ good: true });
    // CloudTrail of an hour ago and more, when nothing here was running yet.
    expect(await invoke(running.aws, names().watch, { reconcile: true }, "not compared")).toMatchObject({ missing: 0 });
    const head = (await json("ledger", "head")) as { size: number; newest: string };
    expect(head.size).toBeGreaterThan(20);
    const file = join(dirname(running.local.logFile), `event-${process.pid}.tlog-proof`);
    await json("ledger", "prove", "3", "--out", file);
    const { vkey } = (await json("ledger", "key")) as { vkey: string };
    expect(await json("ledger", "verify", file, "--vkey", vkey)).toMatchObject({ good: true, index: 3 });
  });
});

describe("a review", () => {
  it("answers from the projection and from the sealed log, and hands out evidence that proves itself", async () => {
    const trail = (await json("trail", "--credential", "demo/orders")) as { events: object[]; asOf: { size: number } };
    expect(trail.events.length).toBeGreaterThan(3);
    const { rows } = (await json("query", "Q19")) as { rows: { credential: string }[] };
    expect(rows.length).toBeGreaterThan(0);
    const pack = join(packs(), "pack");
    expect(await json("evidence", "owasp-nhi", "--out", pack)).toMatchObject({ recorded: true });
    expect(await json("evidence", "--verify", pack)).toMatchObject({ good: true });
    await json("review", "open", "e2e", "--deadline", "2099-01-01");
    const { undecided } = (await json("review", "show", "e2e")) as { undecided: string[] };
    expect(undecided.length).toBeGreaterThan(2);
    const changed = await running.cli("review", "decide", "e2e", "demo/ci-deployer", "--decision", "revoke");
    expect(changed.output).toMatch(/somebody else has to review it/);
    const built = (await invoke(running.aws, names().project, { rebuild: true }, "not built")) as { size: number };
    expect(built.size).toBeGreaterThanOrEqual(trail.asOf.size);
  });
});

/** Granted and not seen used here, each for a reason. */
const UNSEEN: readonly (readonly [action: RegExp, because: string])[] = [
  [/ logs:(CreateLogStream|PutLogEvents)$/, "Lambda writes logs under the function's role; the local AWS asks nobody"],
  [/ sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)$/, "the event source mapping polls under the role"],
  [/ dynamodb:(DescribeStream|GetRecords|GetShardIterator)$/, "the stream's event source mapping, likewise"],
  [/ sqs:ChangeMessageVisibility$/, "only a delivery that was not finished comes back sooner"],
  [/ s3:ListBucket$/, "makes S3 answer 404 and not 403 for an object that is not there yet"],
  [
    / (cognito-idp|kms:CreateKey|rds-db:connect|iam:\w*ServiceSpecific|iam:TagUser)/,
    "of kinds that the demo has none of: their contract tests run them under a role with exactly these grants",
  ],
  [/^rekey-rotate-\S+ (s3:(Get|Put)Object|lambda:InvokeFunction)$/, "the same"],
  [
    /^rekey-clock-\S+ (dynamodb:GetItem|secretsmanager:ListSecretVersionIds)$/,
    "asked of a credential whose schedule the clock keeps: test/e2e/clock.test.ts",
  ],
  [
    /^rekey-discover-\S+ (ecs:DescribeTaskDefinition|eks:\w+|kms:\w+)$/,
    "read where there are task definitions, clusters and keys of one's own: test/identity",
  ],
  [
    /^rekey-respond-\S+ iam:PassRole$/,
    "EventBridge Scheduler asks for it where a schedule names a role; the local one does not",
  ],
  [/^rekey-respond-wake-\S+ lambda:InvokeFunction$/, "used when a proposal has waited for an hour, or a day"],
  [/^rekey-clock-\S+ sqs:SendMessage$/, "for what expires: test/e2e/shut.test.ts"],
  [/^rekey-seal-\S+ s3:GetObjectVersion$/, "a stage is read only to finish the commit of a run that died: test/engine"],
  [/^rekey-watch-\S+ dynamodb:(BatchGetItem|Query)$/, "asked of what CloudTrail shows, which is an hour old: test/aws"],
  [
    /^rekey-(clock|refresh)-\S+ (dynamodb:BatchGetItem|kms:GenerateMac)$/,
    "asked when they record: overdue turns, test/e2e/clock.test.ts",
  ],
  [/ s3:PutObjectRetention$/, "S3 asks for it where a put carries retention headers; the local AWS does not"],
];

describe("least privilege", () => {
  it("every grant of Rekey's roles was used, or is listed with its reason", async () => {
    const [allowed, seen] = await Promise.all([granted(running), used(running)]);
    expect(allowed.length).toBeGreaterThan(50);
    const excused = (one: string) => UNSEEN.some(([action]) => action.test(one));
    expect(allowed.filter((one) => !seen.has(one) && !excused(one))).toEqual([]);
  });
});

/** Every secret string there is: canaries, and all that the vault holds now. */
const secrets = async (): Promise<readonly string[]> => {
  const { SecretList = [] } = await running.aws(SecretsManagerClient).send(new ListSecretsCommand({ MaxResults: 100 }));
  const values = await Promise.all(SecretList.map(({ ARN = "" }) => currentOf(ARN)));
  const parsed = values.map((value) => JSON.parse(value) as Record<string, unknown>);
  const found = parsed.flatMap(({ password, secretAccessKey }) => [password, secretAccessKey]);
  return [CANARY, TOKEN, ...found.filter((value): value is string => typeof value === "string" && value.length > 12)];
};

const table = async (TableName: string): Promise<string> => {
  const { Items } = await running.aws(DynamoDBClient).send(new ScanCommand({ TableName }));
  return JSON.stringify(Items);
};

/** Every object of every bucket of Rekey's, unpacked. */
const buckets = async (): Promise<string> => {
  const s3 = running.aws(S3Client);
  const { Buckets = [] } = await s3.send(new ListBucketsCommand({}));
  const texts: string[] = [];
  for (const { Name: Bucket = "" } of Buckets.filter(({ Name = "" }) => Name.startsWith("rekey-"))) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    for (const { Key = "" } of Contents) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      const bytes = Buffer.from((await Body?.transformToByteArray()) ?? []);
      texts.push(`${Key}\n${(Key.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("latin1")}`);
    }
  }
  return texts.join("\n");
};

/** Every file below a folder. */
const folder = async (dir: string): Promise<string> => {
  const found = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  return (await Promise.all(found.map((one) => readFile(join(one.parentPath, one.name), "latin1")))).join("\n");
};

describe("no secret leaves", () => {
  it("not even one that somebody pastes into a reason, or that a detector quotes", async () => {
    const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    const why = `Bearer ${TOKEN} was found, password=${TOKEN}`;
    await json("except", "demo/orders", "--query", "Q9", "--until", day, "--reason", why, "--ticket", TOKEN);
    const detail = { id: "quoting", type: "E2E/Quoting", scenario: "compromised", severity: 5, text: why };
    const activityAt = new Date().toISOString();
    await put("rekey.signal", "Rekey Signal", JSON.stringify({ ...detail, activityAt, subjects: ["workload:nobody"] }));
    await running.cli("contain", "e2e/none-such", "--reason", why);
    expect(await running.cli("history", "demo/orders")).toMatchObject({
      output: expect.stringContaining("exception.granted"),
    });
  });

  it("neither into a log of AWS's, of a function's or of the database's, nor into ledger, state, archive or exports", async () => {
    const exported = join(packs(), "export");
    await json("ledger", "export", "--dir", exported);
    const places: Readonly<Record<string, string>> = {
      "the local AWS's and its functions' log": await readFile(running.local.logFile, "utf8"),
      "the database's log": await readFile(`${running.database.dir}/log`, "utf8"),
      "the ledger": await table(names().ledgerTable),
      "the state": await table(names().stateTable),
      "the projection": await table(names().reviewTable),
      "the buckets": await buckets(),
      "the evidence pack": await folder(join(packs(), "pack")),
      "an export": await folder(exported),
      "the answers of the CLI": JSON.stringify([
        await json("status"),
        await json("inventory"),
        await json("history", "demo/orders"),
      ]),
    };
    const all = await secrets();
    expect(all.length).toBeGreaterThan(5);
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(100);
      expect(
        all.filter((value) => text.includes(value)).map((value) => value.slice(0, 6)),
        place,
      ).toEqual([]);
    }
  });
});
