import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoLedger } from "../../lib/aws/ledger.ts";
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

/** Two ticks of the scheduler, which the local AWS looks at every 10 s, and a cold start. */
const TICKS_MS = 150_000;
const own = names();
let dir: string;
let local: LocalAws;
let aws: ReturnType<typeof makeAws>;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "rekey-clock-"));
  local = await startAws({ dir: join(dir, "aws") });
  aws = makeAws(clientConfig(local));
  await deploy({ aws: local, app: `${process.execPath} ${join(root, "cdk/app.ts")}`, outDir: join(dir, "rekey") });
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
const history = (id: CredentialId) => dynamoLedger({ aws, table: own.ledgerTable }).history(id);

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
