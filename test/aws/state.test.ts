import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient, type ScalarAttributeType } from "@aws-sdk/client-dynamodb";
import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { documents } from "../../lib/aws/document.ts";
import { dynamoFence } from "../../lib/aws/fence.ts";
import { dynamoIncidents } from "../../lib/aws/incidents.ts";
import { dynamoLocks } from "../../lib/aws/locks.ts";
import { dynamoRetireList } from "../../lib/aws/retiring.ts";
import type { Incident, Incidents } from "../../lib/core/incident.ts";
import type { Locks } from "../../lib/core/locks.ts";
import type { RetireList, Retiring } from "../../lib/core/retiring.ts";
import type { Aws, CredentialId, Identifier, Instant, VersionId } from "../../lib/core/types.ts";
import { memoryIncidents } from "../../lib/memory/state.ts";
import { memoryLocks, memoryRetireList } from "../../lib/memory/turns.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";

const TABLE = "rekey-state";
let local: LocalAws;
let dir: string;
let aws: Aws;
const set = process.env;
const before = { ...set };

const createTable = async (TableName: string) => {
  const string = (AttributeName: string) => ({ AttributeName, AttributeType: "S" as ScalarAttributeType });
  const keys = (hash: string, range: string) => [
    { AttributeName: hash, KeyType: "HASH" as const },
    { AttributeName: range, KeyType: "RANGE" as const },
  ];
  await aws(DynamoDBClient).send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: ["PK", "SK", "gpk", "gsk"].map(string),
      KeySchema: keys("PK", "SK"),
      GlobalSecondaryIndexes: [
        { IndexName: "list", KeySchema: keys("gpk", "gsk"), Projection: { ProjectionType: "ALL" } },
      ],
    }),
  );
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "rekey-state-"));
  local = await startAws({ dir: join(dir, "aws") });
  Object.assign(set, local.env);
  aws = makeAws();
  await createTable(TABLE);
});
afterAll(async () => {
  await local?.stop();
  process.env = before;
  rmSync(dir, { recursive: true, force: true });
});

const at = (minute: number) => `2026-11-20T09:${String(minute).padStart(2, "0")}:00.000Z` as Instant;
const ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:";
const [A, B] = [`${ARN}a-AbCdEf` as CredentialId, `${ARN}b-AbCdEf` as CredentialId];

const incident = (id: string): Incident => ({
  id,
  signal: `signal-of-${id}`,
  type: "t",
  scenario: "exfiltrated",
  severity: 80,
  actor: { kind: "playbook", principal: "p" },
  reason: "r",
  state: "claimed",
  plans: [],
  progress: {},
  timeline: { activityAt: at(0), receivedAt: at(0) },
});

/** The table and the Maps keep the same promises: what the memory world proves holds for the deployed one. */
const stores: readonly (readonly [string, () => { incidents: Incidents; locks: Locks; list: RetireList }])[] = [
  ["in Maps", () => ({ incidents: memoryIncidents(), locks: memoryLocks(), list: memoryRetireList() })],
  [
    "in DynamoDB",
    () => ({
      incidents: dynamoIncidents(aws, TABLE),
      locks: dynamoLocks(aws, TABLE),
      list: dynamoRetireList(aws, TABLE),
    }),
  ],
];

describe.each(stores)("claims %s", (_, open) => {
  it("are one at a time: busy while the lease holds, resumed after it, done when it is finished", async () => {
    const { incidents } = open();
    expect(await incidents.claim(incident("i1"), at(0), at(2))).toBe("claimed");
    expect(await incidents.claim(incident("i1"), at(1), at(3))).toBe("busy");
    expect(await incidents.claim(incident("i1"), at(3), at(5))).toBe("resumed");
    await incidents.move("i1", ["claimed"], "refused", {});
    expect(await incidents.claim(incident("i1"), at(9), at(11))).toBe("done");
  });

  it("on a credential: busy for another incident, done for activity that was answered", async () => {
    const { incidents } = open();
    const claim = (id: string, activity: number, now: number) =>
      incidents.claimCredential(A, id, { activityAt: at(activity), now: at(now), leaseUntil: at(now + 2) });
    expect(await claim("i1", 0, 1)).toBe("claimed");
    expect(await claim("i2", 0, 2)).toBe("busy");
    expect(await claim("i2", 0, 4), "its holder died").toEqual({ abandonedBy: "i1" });
    expect(await claim("i1", 0, 4), "its holder comes again").toBe("claimed");
    await incidents.answer(A, "i1", at(3));
    expect(await claim("i2", 2, 4), "its activity was before the kill").toBe("done");
    expect(await claim("i2", 4, 5), "its activity came after").toBe("claimed");
    const over = { activityAt: at(4), now: at(9), leaseUntil: at(11), takeOver: "i2" };
    expect(await incidents.claimCredential(A, "i3", over), "from one that is over").toBe("claimed");
  });
});

describe.each(stores)("what was done to principals %s", (_, open) => {
  it("is kept for each by itself, whoever else is saving", async () => {
    const { incidents } = open();
    const ids: readonly Identifier[] = ["iam-role:000000000000/a", "iam-user:000000000000/b.c"];
    const narrowed = { sessions: [], podUids: [], instances: [], functions: [] };
    const plan = { arn: "arn", narrowed, rung: "since", widest: "principal" } as const;
    const id = "with-principals";
    await incidents.claim(
      { ...incident(id), principals: ids.map((principal) => ({ ...plan, principal })) },
      at(0),
      at(2),
    );
    const done = (principal: Identifier, reasserts: number) => ({
      principal,
      rung: "since" as const,
      deniedAt: at(1),
      reasserts,
    });
    await Promise.all(ids.map((principal, n) => incidents.quarantined(id, done(principal, n))));
    expect((await incidents.get(id))?.quarantined).toEqual(Object.fromEntries(ids.map((p, n) => [p, done(p, n)])));
  });
});

describe.each(stores)("time boxes %s", (_, open) => {
  it("are there from the claim on, come when their time is over, and are closed for good", async () => {
    const { incidents } = open();
    const boxed = (id: string, minute: number) => ({ ...incident(id), lastsMs: 1, endsAt: at(minute) });
    expect(await incidents.claim(boxed("late", 20), at(0), at(2))).toBe("claimed");
    expect(await incidents.claim(boxed("early", 10), at(0), at(2))).toBe("claimed");
    expect(await incidents.claim(incident("unboxed"), at(0), at(2))).toBe("claimed");
    expect(await incidents.claim(boxed("early", 30), at(1), at(3)), "the first one's time holds").toBe("busy");
    expect(await incidents.ended(at(9), 9)).toEqual([]);
    expect(await incidents.ended(at(10), 9)).toEqual(["early"]);
    expect(await incidents.ended(at(25), 9)).toEqual(["early", "late"]);
    expect(await incidents.ended(at(25), 1)).toEqual(["early"]);
    await incidents.lookAgain("early", at(40));
    expect(await incidents.ended(at(25), 9)).toEqual(["late"]);
    for (const id of ["early", "late", "unboxed"]) await incidents.closeBox(id);
    await incidents.lookAgain("early", at(1));
    expect(await incidents.ended(at(59), 9)).toEqual([]);
    expect((await incidents.get("early"))?.endsAt).toBe(at(10));
    expect((await incidents.since(at(1))).map(({ id }) => id)).not.toContain("early");
    expect((await incidents.since(at(0))).map(({ id }) => id)).toEqual(expect.arrayContaining(["early", "late"]));
  });
});

describe.each(stores)("turns at a target %s", (_, open) => {
  it("belong to one credential, until given back, ended or taken", async () => {
    const { locks } = open();
    const login: Identifier = "db:h:5432/app";
    expect(await locks.take(login, A, { now: at(0), until: at(10) })).toBe("taken");
    expect(await locks.take(login, A, { now: at(1), until: at(10) })).toBe("taken");
    expect(await locks.take(login, B, { now: at(2), until: at(12) })).toMatchObject({ holder: A, until: at(10) });
    await locks.release(login, B);
    expect(await locks.take(login, B, { now: at(2), until: at(12) })).toMatchObject({ holder: A });
    expect(await locks.take(login, B, { now: at(2), until: at(12), force: true })).toBe("taken");
    await locks.release(login, B);
    expect(await locks.take(login, A, { now: at(3), until: at(13) })).toBe("taken");
    expect(await locks.take(login, B, { now: at(14), until: at(24) }), "its time was over").toBe("taken");
  });
});

describe.each(stores)("the must-die list %s", (_, open) => {
  const entry = (credential: CredentialId, dueAt: Instant): Retiring => {
    const version = "v1" as VersionId;
    return { credential, network: "default", version, since: at(0), whenAdopted: true, dueAt, attempts: 0 };
  };
  it("adds once, gives what is due longest first, and keeps what is postponed with its reason", async () => {
    const { list } = open();
    await list.add(entry(A, at(5)));
    await list.add(entry(A, at(1)));
    await list.add(entry(B, at(3)));
    expect((await list.due(at(4), 9)).map(({ credential }) => credential)).toEqual([B]);
    expect((await list.due(at(9), 9)).map(({ credential }) => credential)).toEqual([B, A]);
    expect(await list.due(at(9), 1)).toHaveLength(1);
    await list.postpone(entry(B, at(3)), at(20), "still used");
    expect(await list.due(at(9), 9)).toHaveLength(1);
    expect(await list.all()).toMatchObject([{ credential: A }, { credential: B, attempts: 1, why: "still used" }]);
    for (const one of await list.all()) await list.strike(one);
    expect(await list.all()).toEqual([]);
    await list.postpone(entry(B, at(3)), at(20), "gone meanwhile");
    expect(await list.all()).toEqual([]);
  });
});

describe("the fence", () => {
  it("holds back what was restored from another table, until a person accepts it", async () => {
    expect(await dynamoFence(aws, TABLE).look()).toBe("same");
    expect(await dynamoFence(aws, TABLE).look()).toBe("same");
    await createTable("restored");
    const { Item } = await documents(aws).send(new GetCommand({ TableName: TABLE, Key: { PK: "FENCE", SK: "META" } }));
    await documents(aws).send(new PutCommand({ TableName: "restored", Item }));
    const fence = dynamoFence(aws, "restored");
    expect(await fence.look()).toBe("restored");
    await fence.accept();
    expect(await fence.look()).toBe("same");
  });
});
