import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { systemClock } from "../../lib/aws/clock.ts";
import { dynamoPlaces } from "../../lib/aws/places.ts";
import type { Places } from "../../lib/core/breaker/places.ts";
import type { Aws, Instant } from "../../lib/core/types.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";

const TABLE = "rekey-state";
let local: LocalAws;
let dir: string;
let aws: Aws;
let places: Places;
const before = { ...process.env };

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "rekey-places-"));
  local = await startAws({ port: 23_010, dir });
  Object.assign(process.env, local.env);
  aws = makeAws();
  const keys = ["PK", "SK"] as const;
  await aws(DynamoDBClient).send(
    new CreateTableCommand({
      TableName: TABLE,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" as const })),
      KeySchema: keys.map((AttributeName, i) => ({
        AttributeName,
        KeyType: i === 0 ? ("HASH" as const) : ("RANGE" as const),
      })),
    }),
  );
  places = dynamoPlaces(aws, TABLE, systemClock);
}, 60_000);
afterAll(async () => {
  await local?.stop();
  process.env = before;
  rmSync(dir, { recursive: true, force: true });
});

const NOW = "2026-11-20T09:00:00.000Z" as Instant;
const later = (ms: number) => systemClock.after(NOW, ms);
const LIMIT = { places: 5, withinMs: 60_000 };

describe("places in the table", () => {
  it("let in exactly as many as there are, of forty at once", async () => {
    const holders = Array.from({ length: 40 }, (_, i) => `inc-${i}`);
    const told = await Promise.all(holders.map((holder) => places.take("storm", holder, LIMIT, NOW)));
    expect(told.filter(Boolean)).toHaveLength(5);
    const again = await Promise.all(holders.map((holder) => places.take("storm", holder, LIMIT, later(1_000))));
    expect(again).toEqual(told);
  });
  it("are free again when their window has passed, and not before", async () => {
    const one = { places: 1, withinMs: 60_000 };
    expect(await places.take("one", "a", one, NOW)).toBe(true);
    expect(await places.take("one", "a", one, later(1))).toBe(true);
    expect(await places.take("one", "b", one, later(59_999))).toBe(false);
    expect(await places.take("one", "b", one, later(60_000))).toBe(true);
    expect(await places.take("one", "a", one, later(60_001))).toBe(false);
  });
  it("that cannot be reached are an error, and soon", async () => {
    const gone = dynamoPlaces(aws, "no-such-table", systemClock);
    await expect(gone.take("one", "a", LIMIT, NOW)).rejects.toThrow();
  });
});
