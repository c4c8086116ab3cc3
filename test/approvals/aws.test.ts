import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { Scheduler } from "@aws-sdk/client-scheduler";
import { STS, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { proveCaller, provenCaller } from "../../lib/aws/caller.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoProposals } from "../../lib/aws/proposals.ts";
import { wakeOnce } from "../../lib/aws/wake.ts";
import { Forbidden } from "../../lib/core/errors.ts";
import type { Incident } from "../../lib/core/incident.ts";
import { purposeOf } from "../../lib/core/proof.ts";
import { type Proposal, type Proposals, placeOf } from "../../lib/core/proposal.ts";
import type { Aws, Instant } from "../../lib/core/types.ts";
import { memoryProposals } from "../../lib/memory/proposals.ts";
import { makeFunction, openProbe, policy, until } from "../local/probe.ts";
import { person } from "./world.ts";

const before = { ...process.env };
let probe: Awaited<ReturnType<typeof openProbe>>;
let aws: Aws;

const TABLE = "rekey-state";
/** Writes what it was invoked with. */
const WITNESS = `
import { DynamoDB } from "@aws-sdk/client-dynamodb";
export const handler = ({ order, proposal }) => new DynamoDB({}).putItem({
  TableName: "${TABLE}", Item: { PK: { S: "WOKEN#" + proposal }, SK: { S: "META" }, said: { S: order } },
}).then(() => ({}));`;

beforeAll(async () => {
  probe = await openProbe();
  Object.assign(process.env, probe.aws.env);
  aws = makeAws();
  await new DynamoDB(probe.config).createTable({
    TableName: TABLE,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: ["PK", "SK", "gpk", "gsk"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
    KeySchema: [
      { AttributeName: "PK", KeyType: "HASH" },
      { AttributeName: "SK", KeyType: "RANGE" },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: "list",
        KeySchema: [
          { AttributeName: "gpk", KeyType: "HASH" },
          { AttributeName: "gsk", KeyType: "RANGE" },
        ],
        Projection: { ProjectionType: "ALL" },
      },
    ],
  });
});
afterAll(async () => {
  await probe?.close();
  process.env = before;
});

const at = (minute: number) => `2026-11-20T09:${String(minute).padStart(2, "0")}:00.000Z` as Instant;
const incident = (id: string): Incident => ({
  id,
  signal: `signal-of-${id}`,
  type: "t",
  scenario: "exfiltrated",
  severity: 80,
  actor: person("asker"),
  reason: "r",
  state: "claimed",
  plans: [],
  progress: {},
  timeline: { activityAt: at(0), receivedAt: at(0) },
});
const proposal = (id: string, minute = 0): Proposal => ({
  id,
  hash: "0".repeat(64),
  incident: incident(id),
  requester: person("asker"),
  why: "w",
  needs: 1,
  proposedAt: at(minute),
  expiresAt: at(59),
  onExpiry: "nothing",
  approvals: [],
  state: "open",
  revision: 0,
});

/** The table and the Map keep the same promises: what the memory world proves holds for the deployed one. */
const stores: readonly (readonly [string, () => Proposals])[] = [
  ["in a Map", memoryProposals],
  ["in DynamoDB", () => dynamoProposals(aws, TABLE)],
];
describe.each(stores)("proposals %s", (_, open) => {
  it("are kept once: the first with an id wins, whatever comes later", async () => {
    const store = open();
    const kept = await store.open(proposal("once"));
    expect(kept).toEqual({ ...proposal("once"), revision: 1 });
    expect(await store.open({ ...proposal("once", 5), why: "another" })).toEqual(kept);
    expect(await store.get("once")).toEqual(kept);
    expect(await store.get("nobody's")).toBeUndefined();
  });

  it("are written by one of those who have read the same", async () => {
    const store = open();
    const kept = await store.open(proposal("raced"));
    const said = ["a", "b", "c"].map((name) =>
      store.replace({ ...kept, approvals: [{ actor: person(name), at: at(1) }] }),
    );
    expect((await Promise.all(said)).filter(Boolean)).toHaveLength(1);
    expect((await store.get("raced"))?.revision).toBe(2);
    expect(await store.replace({ ...kept, state: "denied" }), "read before that").toBe(false);
  });

  it("are listed page by page, none twice and none left out, also of one moment and while others come", async () => {
    const store = open();
    const ids = Array.from({ length: 7 }, (_, n) => `page-${n}`);
    for (const [n, id] of ids.entries()) {
      const kept = await store.open(proposal(id, n < 4 ? 40 : 41));
      await store.replace({ ...kept, state: "denied" });
    }
    const seen: string[] = [];
    let behind: string | undefined;
    for (let page = await store.list("denied", 2); page.length > 0; page = await store.list("denied", 2, behind)) {
      seen.push(...page.map(({ id }) => id));
      behind = placeOf(page.at(-1) as Proposal);
      const late = await store.open(proposal(`late-${seen.length}`, 50));
      await store.replace({ ...late, state: "denied" });
    }
    expect(seen).toEqual(ids.toReversed());
  });

  it("are listed by their state, newest first", async () => {
    const store = open();
    const first = await store.open(proposal("list-1", 10));
    for (const [id, minute] of [["list-2", 30] as const, ["list-3", 20] as const])
      await store.open(proposal(id, minute));
    expect((await store.list("open", 3)).map(({ id }) => id)).toEqual(["list-2", "list-3", "list-1"]);
    expect((await store.list("open", 1)).map(({ id }) => id)).toEqual(["list-2"]);
    await store.replace({ ...first, state: "expired" });
    expect((await store.list("expired", 9)).map(({ id }) => id)).toEqual(["list-1"]);
    expect((await store.list("open", 2)).map(({ id }) => id)).toEqual(["list-2", "list-3"]);
  });
});

describe("who somebody is", () => {
  const user = async (name: string): Promise<Aws> => {
    const iam = new IAM(probe.config);
    await iam.createUser({ UserName: name });
    const { AccessKey } = await iam.createAccessKey({ UserName: name });
    const credentials = { accessKeyId: AccessKey?.AccessKeyId, secretAccessKey: AccessKey?.SecretAccessKey };
    const own = new STSClient({ ...probe.config, credentials } as object);
    return (() => own) as unknown as Aws;
  };
  const purpose = purposeOf("approve", "inc-0123456789abcdef:hash");

  it("is what STS says of their signature, for the purpose that they signed and no other", async () => {
    const proof = await proveCaller(await user("ada"), purpose);
    expect(await provenCaller(aws, proof, purpose)).toBe("arn:aws:iam::000000000000:user/ada");
    await expect(provenCaller(aws, proof, purposeOf("deny", "inc-0123456789abcdef"))).rejects.toThrow(Forbidden);
  });

  it("is not what somebody else's key id says, nor what was signed without a purpose", async () => {
    const [mallory, ada] = await Promise.all([user("mallory"), user("ada-2")]);
    const [hers, his] = await Promise.all([proveCaller(ada, purpose), proveCaller(mallory, purpose)]);
    expect(await provenCaller(aws, hers, purpose)).toBe("arn:aws:iam::000000000000:user/ada-2");
    const id = (proof: typeof hers) => /Credential=([^/]+)/.exec(proof.authorization)?.[1] ?? "";
    const forged = { ...his, authorization: his.authorization.replace(id(his), id(hers)) };
    await expect(provenCaller(aws, forged, purpose)).rejects.toThrow(Forbidden);
    const unbound = { ...hers, authorization: hers.authorization.replace(";x-rekey-purpose", "") };
    await expect(provenCaller(aws, unbound, purpose)).rejects.toThrow(/it signs no purpose/);
  });
});

describe("who a session is", () => {
  it("is proven with its token, and not without", async () => {
    const AssumeRolePolicyDocument = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::000000000000:root" }, Action: "sts:AssumeRole" }],
    });
    const { Role } = await new IAM(probe.config).createRole({ RoleName: "security", AssumeRolePolicyDocument });
    const assumed = await new STS(probe.config).assumeRole({ RoleArn: Role?.Arn, RoleSessionName: "grace" });
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = assumed.Credentials ?? {};
    const own = new STSClient({
      ...probe.config,
      credentials: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken },
    });
    const { token, ...bare } = await proveCaller((() => own) as unknown as Aws, "rekey:propose:x");
    expect(await provenCaller(aws, { ...bare, ...(token && { token }) }, "rekey:propose:x")).toBe(
      "arn:aws:sts::000000000000:assumed-role/security/grace",
    );
    await expect(provenCaller(aws, bare, "rekey:propose:x")).rejects.toThrow(Forbidden);
  });
});

describe("the clock's turn", () => {
  it("comes once, by a schedule whose role may invoke that function and nothing else", async () => {
    const [iam, lambda] = [new IAM(probe.config), new Lambda(probe.config)];
    const puts = { Effect: "Allow", Action: "dynamodb:PutItem", Resource: "*" } as const;
    const target = await makeFunction({ iam, lambda }, "witness", WITNESS, [puts]);
    const trust = { Effect: "Allow", Principal: { Service: "scheduler.amazonaws.com" }, Action: "sts:AssumeRole" };
    const made = await iam.createRole({
      RoleName: "wake",
      AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
    });
    const invoke = { Effect: "Allow", Action: "lambda:InvokeFunction", Resource: target } as const;
    await iam.putRolePolicy({ RoleName: "wake", PolicyName: "own", PolicyDocument: policy(invoke) });
    const wake = wakeOnce(aws, { prefix: "rekey", target, role: made.Role?.Arn ?? "" });
    const soon = new Date(Date.now() + 2_000).toISOString() as Instant;
    await wake("inc-0123456789abcdef", soon);
    await wake("inc-0123456789abcdef", soon);
    const scheduler = new Scheduler(probe.config);
    const listed = async () => (await scheduler.listSchedules({ NamePrefix: "rekey-inc-" })).Schedules ?? [];
    expect(await listed(), "twice for one instant is once").toHaveLength(1);
    const db = new DynamoDB(probe.config);
    const Key = { PK: { S: "WOKEN#inc-0123456789abcdef" }, SK: { S: "META" } };
    const item = await until(async () => (await db.getItem({ TableName: TABLE, Key })).Item, 40_000);
    expect(item?.["said"]?.S).toBe("wake");
    expect(await until(async () => ((await listed()).length === 0 ? "gone" : undefined), 15_000)).toBe("gone");
  }, 90_000);
});
