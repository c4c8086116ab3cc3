import { describe, expect, it } from "vitest";
import { deedOf } from "../../lib/aws/deeds.ts";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import type { Deed } from "../../lib/core/ledger/deed.ts";
import type { CredentialId, Identifier, Instant, VersionId } from "../../lib/core/types.ts";
import { type CompareWorld, reconcileLedger } from "../../lib/engine/reconcile-ledger.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";

const SECRET = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:db/orders-a1B2c3";
const AT = "2026-11-23T04:10:00.000Z" as Instant;

/** As AWS shows it: Secrets Manager user guide, "AWS CloudTrail entries", and IAM user guide, logging with CloudTrail. */
const record = (change: object) =>
  JSON.stringify({
    eventVersion: "1.08",
    userIdentity: { type: "AssumedRole", arn: "arn:aws:sts::111111111111:assumed-role/rekey-rotate-default-eu/x" },
    eventTime: "2026-11-23T04:10:00Z",
    eventID: "e-1",
    requestParameters: null,
    ...change,
  });
const ROTATED = record({
  eventName: "RotationSucceeded",
  userIdentity: { accountId: "111111111111", invokedBy: "secretsmanager.amazonaws.com" },
  additionalEventData: { SecretId: SECRET },
});
const MOVED = record({
  eventName: "UpdateSecretVersionStage",
  requestParameters: { secretId: SECRET, versionStage: "AWSCURRENT", moveToVersionId: "v2", removeFromVersionId: "v1" },
});
const OFF = record({
  eventName: "UpdateAccessKey",
  requestParameters: { userName: "ci", accessKeyId: "AKIAIOSFODNN7EXAMPLE", status: "Inactive" },
});

describe("what CloudTrail says was done", () => {
  it("is read from its records", () => {
    expect(deedOf(ROTATED)).toEqual({
      id: "e-1",
      name: "RotationSucceeded",
      at: AT,
      who: "secretsmanager.amazonaws.com",
      secret: SECRET,
    });
    expect(deedOf(MOVED)).toMatchObject({
      secret: SECRET,
      version: "v2",
      who: expect.stringContaining("rekey-rotate"),
    });
    expect(deedOf(OFF)).toMatchObject({ accessKey: "AKIAIOSFODNN7EXAMPLE" });
  });
  it.each([
    ["a refused call", record({ eventName: "UpdateAccessKey", errorCode: "AccessDenied" })],
    ["a label that is not the current one", MOVED.replace("AWSCURRENT", "AWSPENDING")],
    ["no record", "{"],
    ["nothing", undefined],
  ])("is nothing for %s", (_, text) => {
    expect(deedOf(text)).toBeUndefined();
  });
});

const DATA = {
  "rotation.succeeded": { replaced: null, durationMs: null },
  "rotation.started": { kind: "postgres" },
  "access.observed": { uses: 1, readers: 1 },
};

const arrange = (deeds: readonly (Deed | undefined)[], change: Partial<CompareWorld> = {}) => {
  const clock = memoryClock("2026-11-23T05:30:00.000Z");
  const ledger = memoryLedger({ clock });
  const known = new Map([
    [`secret:${SECRET}`, SECRET],
    ["aws-key:AKIAIOSFODNN7EXAMPLE", SECRET],
  ]);
  const world: CompareWorld = {
    ledger,
    deeds: async () => ({ deeds: deeds.filter((one) => one !== undefined), isWhole: true }),
    known: async (identifier: Identifier) => [known.get(identifier) ?? []].flat() as CredentialId[],
    clock,
    ...change,
  };
  const tell = (
    type: "rotation.succeeded" | "rotation.started" | "access.observed",
    version: string,
    at: string = AT,
  ) =>
    ledger.append({
      id: `${type}:${version}`,
      stream: SECRET,
      type,
      at: at as Instant,
      actor: { kind: "schedule", principal: "clock" },
      data: { ...DATA[type], ...(type !== "access.observed" && { version: version as VersionId }) },
    } as LifecycleEvent);
  return { world, ledger, tell, clock };
};

describe("a day of CloudTrail beside the ledger", () => {
  it("has nothing missing where the ledger tells of each deed, and records the counts once", async () => {
    const { world, ledger, tell } = arrange([deedOf(ROTATED), deedOf(MOVED), deedOf(OFF)]);
    await tell("rotation.succeeded", "v2");
    expect(await reconcileLedger(world)).toEqual({ compared: 3, missing: [], isWhole: true });
    await reconcileLedger(world);
    expect(await ledger.history("ledger")).toMatchObject([
      {
        type: "ledger.reconciled",
        data: {
          from: "2026-11-22T04:30:00.000Z",
          to: "2026-11-23T04:30:00.000Z",
          compared: 3,
          missing: 0,
          first: null,
        },
      },
    ]);
  });

  it.each<readonly [string, string, (told: ReturnType<typeof arrange>["tell"]) => Promise<unknown>]>([
    ["a rotation of which nothing is told", ROTATED, async () => {}],
    ["a rotation of which only the start is told", ROTATED, (tell) => tell("rotation.started", "v2")],
    [
      "a rotation that is told of another day",
      ROTATED,
      (tell) => tell("rotation.succeeded", "v2", "2026-11-22T04:10:00.000Z"),
    ],
    ["a version made current that no event names", MOVED, (tell) => tell("rotation.succeeded", "v3")],
    ["an access key deactivated past Rekey", OFF, async () => {}],
    ["an access key deactivated while somebody read its secret", OFF, (tell) => tell("access.observed", "v2")],
  ])("names %s", async (_, text, told) => {
    const deed = deedOf(text) ?? expect.fail();
    const { world, ledger, tell } = arrange([deed]);
    await told(tell);
    expect((await reconcileLedger(world)).missing).toEqual([{ deed, credential: SECRET }]);
    expect(await ledger.history("ledger")).toMatchObject([
      { data: { missing: 1, first: { credential: SECRET, deed: "e-1", name: deed.name, at: AT } } },
    ]);
  });

  it("passes over what is done to secrets and keys that are none of Rekey's", async () => {
    const other = deedOf(ROTATED.replaceAll("orders", "others"));
    const { world } = arrange([other]);
    expect(await reconcileLedger(world)).toMatchObject({ compared: 0, missing: [] });
  });

  it("says where not all could be read", async () => {
    const { world, ledger } = arrange([], { deeds: async () => ({ deeds: [], isWhole: false }) });
    await reconcileLedger(world);
    expect(await ledger.history("ledger")).toMatchObject([{ data: { isWhole: false } }]);
  });
});
