import { CloudTrail, paginateLookupEvents } from "@aws-sdk/client-cloudtrail";
import { KMS } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Laggard } from "../../lib/core/adoption.ts";
import type { Finding, Instant } from "../../lib/core/types.ts";
import { sessionOf } from "../support/postgres.ts";
import { type CliStage, openStage } from "./stage.ts";

// Each command is a process of its own.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 240_000 });

let stage: CliStage;
let orders: string;
beforeAll(async () => {
  stage = await openStage(5664);
  const tags = {
    "rekey:workload": "orders",
    "rekey:strategy": "alternating",
    "rekey:logins": "orders_a orders_b",
    "rekey:owner": "orders_owner",
    team: "shop",
  };
  orders = await stage.adopt("db/orders", tags, { username: "orders_a", password: "not-known-to-the-database-yet" });
  await stage.single("billing", { team: "shop", owner: "ann" });
  await stage.single("reports", { owner: "bob" });
});
afterAll(() => stage?.close());

const roles = async () => (await stage.database.root.query("SELECT * FROM pg_authid ORDER BY oid")).rows;
const findings = (value: object) => (value as { findings: readonly Finding[] }).findings;
const ill = (value: object) => findings(value).filter(({ verdict }) => verdict === "ill");

describe("before anything is known", () => {
  it("says so, and how to begin", async () => {
    expect((await stage.run("doctor")).output).toMatch(/No credential yet.*inventory --refresh/);
    expect((await stage.run("rotate", "--kind", "postgres", "--yes")).output).toMatch(/No credential is meant/);
    expect((await stage.run("adoption", "db/orders")).output).toMatch(/no credential db\/orders/);
  });
  it("asks for a choice, and refuses two", async () => {
    const nothing = await stage.run("rotate");
    expect([nothing.code, nothing.output]).toEqual([1, expect.stringMatching(/--workload/)]);
    expect((await stage.run("rotate", "db/orders", "--kind", "postgres")).code).toBe(1);
    expect((await stage.run("rotate", "--concurrency", "0", "--kind", "x")).code).toBe(2);
    expect((await stage.run("inventory", "--refresh")).code).toBe(0);
  });
});

describe("rotate --dry-run", () => {
  it("tells the next login and who works now, and writes nothing: neither to AWS nor to the database", async () => {
    const rotate = stage.names.rotate("default");
    const trail = new CloudTrail(stage.probe.config);
    /** Calls of Secrets Manager that CloudTrail does not call reading. */
    const writes = async (StartTime: Date) => {
      const AttributeValue = "secretsmanager.amazonaws.com";
      const LookupAttributes = [{ AttributeKey: "EventSource" as const, AttributeValue }];
      const pages = paginateLookupEvents({ client: trail }, { LookupAttributes, StartTime });
      const events = (await Array.fromAsync(pages)).flatMap(({ Events = [] }) => Events);
      return events.filter(({ ReadOnly }) => ReadOnly === "false");
    };
    const state = async () => {
      // Reading a value is noted as LastAccessedDate.
      const { $metadata, LastAccessedDate, ...secret } = await stage.sm.describeSecret({ SecretId: orders });
      return [await roles(), secret];
    };
    const [before, since] = [await state(), new Date()];
    expect(await writes(new Date(0))).not.toEqual([]);
    const { code, value } = await stage.json("rotate", "db/orders", "--dry-run");
    expect(code).toBe(0);
    expect(value).toMatchObject({
      dryRun: true,
      results: [{ verdict: "would rotate", rehearsal: { strategy: "alternate", stale: null, consumers: [] } }],
    });
    expect(JSON.stringify(value)).toContain("/orders_b");
    const bulk = await stage.json("rotate", "--dry-run", "--kind", "postgres");
    expect(bulk.value).toMatchObject({ done: 3, failed: 0 });
    expect(await state()).toEqual(before);
    expect(await writes(since)).toEqual([]);
    const used = await stage.used(rotate);
    expect(used.length).toBeGreaterThan(1);
    expect(used.filter((action) => !/^secretsmanager:(DescribeSecret|GetSecretValue)$/.test(action))).toEqual([]);
    expect((await stage.json("history", "db/orders")).value["events"]).toMatchObject([
      { type: "inventory.registered" },
      { type: "access.observed" },
    ]);
  });
});

describe("rotate", () => {
  it("rotates one, tells versions and time, and the new version logs in", async () => {
    const { code, value } = await stage.json("rotate", "db/orders", "--reason", "test");
    expect([code, value]).toMatchObject([
      0,
      { done: 1, results: [{ verdict: "rotated", version: expect.any(String) }] },
    ]);
    const material = await stage.current(orders);
    expect(material.username).toBe("orders_b");
    await (await sessionOf(material)).end();
  });

  it("takes many only with --yes, by tag, owner and workload, and gives each its verdict", async () => {
    const asked = await stage.run("rotate", "--tag", "team=shop");
    expect([asked.code, asked.output]).toEqual([
      1,
      expect.stringMatching(/2 credential\(s\): db\/billing, db\/orders.*--yes/),
    ]);
    const owner = await stage.json("rotate", "--owner", "bob", "--yes");
    expect(owner.value).toMatchObject({ done: 1, results: [{ name: "db/reports", verdict: "rotated" }] });
    await stage.database.root.query("ALTER ROLE billing RENAME TO billing_gone");
    const bulk = await stage.run("rotate", "--tag", "team=shop", "--yes");
    await stage.database.root.query("ALTER ROLE billing_gone RENAME TO billing");
    expect(bulk.code).toBe(1);
    expect(bulk.output).toMatch(/db\/billing +failed.*There is no login billing/);
    expect(bulk.output).toMatch(/db\/orders +rotated/);
    expect(bulk.output).toMatch(/1 rotated, 1 failed\./);
  });
});

describe("doctor", () => {
  it("finds nothing ill with what works", async () => {
    const { code, value } = await stage.json("doctor", "db/orders");
    expect(ill(value)).toEqual([]);
    expect(code).toBe(0);
  });

  it("clears the label of a dead attempt only when it is dead, and names what a person has to do", async () => {
    const { value } = await stage.json("doctor", "db/billing");
    // The failed rotation above left AWSPENDING a moment ago: it may still run.
    expect(findings(value).find(({ check }) => check === "pending label")?.verdict).toBe("unknown");
    const mend = await stage.json("doctor", "--repair", "db/billing");
    expect([mend.code, mend.value]).toMatchObject([
      1,
      { done: { do: "refuse", because: "a rotation may be running" } },
    ]);
  });

  it("tells drift from a network, and each with its mend; exit code 1", async () => {
    await stage.database.root.query("ALTER ROLE reports PASSWORD NULL");
    const drift = await stage.json("doctor", "db/reports");
    expect(drift.code).toBe(1);
    expect(ill(drift.value)).toMatchObject([
      {
        check: "target accepts",
        found: expect.stringMatching(/no version that is stored/),
        mend: expect.stringMatching(/rekey rotate/),
      },
    ]);
    await stage.run("rotate", "db/reports");
    expect((await stage.json("doctor", "db/reports")).code).toBe(0);
    await stage.sm.tagResource({ SecretId: "db/reports", Tags: [{ Key: "rekey:tlsCA", Value: "x" }] });
    const all = await stage.run("doctor");
    expect([all.code, all.output]).toEqual([1, expect.stringMatching(/db\/reports +ill +1 +tags: rekey:tlsCA/)]);
    await stage.sm.untagResource({ SecretId: "db/reports", TagKeys: ["rekey:tlsCA"] });
  });

  it("sees a disabled key, and a policy of the secret's that denies the function", async () => {
    const kms = new KMS(stage.probe.config);
    const { KeyMetadata } = await kms.createKey({});
    const KeyId = KeyMetadata?.KeyId ?? "";
    await stage.sm.updateSecret({ SecretId: "db/reports", KmsKeyId: KeyMetadata?.Arn });
    await kms.disableKey({ KeyId });
    const disabled = await stage.json("doctor", "db/reports");
    expect(ill(disabled.value).map(({ check }) => check)).toContain("kms key state");
    await kms.enableKey({ KeyId });
    expect((await stage.json("doctor", "db/reports")).code).toBe(0);
    const role = `arn:aws:iam::${stage.probe.aws.account}:role/${stage.names.rotate("default")}-${stage.probe.aws.region}`;
    const deny = { Effect: "Deny", Principal: { AWS: role }, Action: "secretsmanager:GetSecretValue", Resource: "*" };
    const ResourcePolicy = JSON.stringify({ Version: "2012-10-17", Statement: [deny] });
    await stage.sm.putResourcePolicy({ SecretId: "db/reports", ResourcePolicy });
    const denied = await stage.json("doctor", "db/reports");
    expect(ill(denied.value)).toMatchObject([{ check: "resource policy" }]);
    await stage.sm.deleteResourcePolicy({ SecretId: "db/reports" });
  });

  it("does not bring back what an incident keeps revoked, unless a person says so", async () => {
    const { id } = ((await stage.json("inventory")).value["credentials"] as { id: string; name: string }[]).find(
      ({ name }) => name === "db/reports",
    ) ?? { id: "" };
    await stage.ledger.append({
      id: "inc-test:started",
      stream: id,
      type: "containment.started",
      at: new Date().toISOString() as Instant,
      actor: { kind: "human", principal: "test" },
      data: { incident: "inc-test", scenario: "compromised", actions: ["revoke"], authority: null, policies: [] },
    });
    const refused = await stage.run("rotate", "db/reports");
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringMatching(/incident inc-test keeps it revoked.*--contained/),
    ]);
    expect((await stage.run("rotate", "db/reports", "--contained")).code).toBe(0);
    expect((await stage.run("rotate", "db/reports")).code).toBe(0);
  });

  it("names a network whose function is not there", async () => {
    await stage.adopt(
      "db/elsewhere",
      { "rekey:network": "moon", "rekey:workload": "moon" },
      { username: "x", password: "not-real-at-all" },
    );
    await stage.run("inventory", "--refresh");
    const { code, value } = await stage.json("doctor", "db/elsewhere");
    expect([code, ill(value)]).toMatchObject([
      1,
      [{ check: "network function", found: expect.stringMatching(/no function rekey-rotate-moon/) }],
    ]);
    expect((await stage.run("rotate", "db/elsewhere")).output).toMatch(/network moon is not deployed/);
  });
});

describe("adoption", () => {
  it("names sessions of the previous login until they are gone, and waits for registered consumers", async () => {
    const old = await sessionOf(await stage.current(orders));
    await old.query("SET application_name = 'orders-batch'");
    await stage.run("rotate", "db/orders");
    const lagging = await stage.json("adoption", "db/orders", "--no-cloudtrail");
    expect([lagging.code, lagging.value]).toMatchObject([1, { verdict: "lagging" }]);
    expect(lagging.value["laggards"]).toMatchObject([{ who: "orders-batch@127.0.0.1", how: "session", count: 1 }]);
    await old.end();
    const [current, previous] = [lagging.value["current"], lagging.value["previous"]].map(String);
    expect((await stage.run("ack", "db/orders", "--consumer", "web", "--version", previous ?? "")).output).toMatch(
      /not the current one/,
    );
    const waiting = await stage.json("adoption", "db/orders", "--no-cloudtrail");
    expect(waiting.value["laggards"]).toMatchObject([{ who: "web", how: "acknowledged" }]);
    await stage.run("ack", "db/orders", "--consumer", "web", "--version", current ?? "");
    const adopted = await stage.json("adoption", "db/orders", "--no-cloudtrail");
    expect([adopted.code, adopted.value]).toMatchObject([
      0,
      { verdict: "adopted", consumers: [{ name: "web", version: current }] },
    ]);
    const { value } = await stage.json("history", "db/orders");
    expect((value["events"] as { type: string }[]).filter(({ type }) => type === "consumer.acknowledged")).toHaveLength(
      2,
    );
    expect((await stage.run("ack", "db/orders", "--consumer", "web", "--gone")).output).toMatch(/left the registry/);
    expect((await stage.json("adoption", "db/orders", "--no-cloudtrail")).value["consumers"]).toEqual([]);
  });

  it("names readers that ask for the previous version, and those that have been silent since, from CloudTrail", async () => {
    const { value } = await stage.json("adoption", "db/orders", "--no-cloudtrail");
    await stage.sm.getSecretValue({ SecretId: orders, VersionId: String(value["previous"]) });
    const told = await stage.json("adoption", "db/orders");
    const who = `arn:aws:iam::${stage.probe.aws.account}:root`;
    // Rekey's own readings are left out.
    const laggards = (told.value["laggards"] as Laggard[]).filter(({ how }) => how === "read");
    expect(laggards).toMatchObject([{ who, version: value["previous"], count: 1 }]);
    expect((await stage.run("adoption", "db/orders")).output).toMatch(/LAGGARD.*KNOWN BY/);
  });

  it("refuses a version that the secret does not have", async () => {
    const wrong = await stage.run("ack", "db/orders", "--consumer", "web", "--version", "0".repeat(36));
    expect([wrong.code, wrong.output]).toEqual([
      1,
      expect.stringMatching(/no labelled version 0+; its current one is/),
    ]);
    expect((await stage.run("ack", "db/orders", "--consumer", "web")).output).toMatch(/--gone/);
  });
});
