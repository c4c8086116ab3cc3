import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { names } from "../lib/core/names.ts";
import { passwordFor } from "../lib/core/password.ts";
import type { VersionId } from "../lib/core/types.ts";
import { scramVerifier } from "../lib/rotators/postgres/scram.ts";
import type { Material } from "../lib/rotators/postgres/target.ts";
import { application } from "../test/support/application.ts";
import { type Obey, rotateFunction } from "./in-process.ts";
import { firstReach, killParts } from "./revocation.ts";
import { type BenchCredential, oneStatement, openStage, type Stage } from "./stage.ts";
import { type Row, row, timed } from "./stats.ts";
import { connections, openTrace, secretsCalls, type Trace } from "./trace.ts";

const ACTOR = { kind: "human", principal: "bench" } as const;
const random = (bytes: number) => randomBytes(bytes);

/** The calls that no rotation can do without, made by hand: four of Secrets Manager, a verifier, two connections. */
const byHand = async ({ secrets, admin, at }: Stage, { id, name }: BenchCredential, turn: number) => {
  const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId: id }));
  const { VersionId } = await secrets.send(new GetSecretValueCommand({ SecretId: id }));
  const password = passwordFor({}, random);
  const next: Material = { ...at, username: `${name}_${turn % 2 ? "a" : "b"}`, password };
  const token = randomUUID();
  const staged = { SecretId: id, ClientRequestToken: token, VersionStages: ["AWSPENDING"] };
  await secrets.send(new PutSecretValueCommand({ ...staged, SecretString: JSON.stringify(next) }));
  const verifier = await scramVerifier(password, random);
  await oneStatement(admin, `ALTER ROLE ${next.username} PASSWORD '${verifier}'`);
  await oneStatement(next);
  const move = { SecretId: id, VersionStage: "AWSCURRENT", MoveToVersionId: token, RemoveFromVersionId: VersionId };
  await secrets.send(new UpdateSecretVersionStageCommand(move));
  if (!VersionIdsToStages[VersionId ?? ""]) throw new Error(`the floor found no current version of ${id}`);
};

const current = async ({ secrets }: Stage, { id }: BenchCredential): Promise<Material> => {
  const { SecretString = "{}" } = await secrets.send(new GetSecretValueCommand({ SecretId: id }));
  return JSON.parse(SecretString) as Material;
};

const rotate = (obey: Obey, { id }: BenchCredential) =>
  obey({ verb: "rotate", credential: id, attempt: randomUUID() as VersionId, actor: ACTOR });

const oneShot = async (stage: Stage, obey: Obey, trace: Trace, n: number) => {
  const [subject, bare] = await Promise.all([stage.credential("oneshot"), stage.credential("floor")]);
  const [times, floor, calls, opened]: number[][] = [[], [], [], []];
  for (let i = -2; i < n; i++) {
    const least = await timed(() => byHand(stage, bare, i + 2));
    trace.take();
    const took = await timed(() => rotate(obey, subject));
    const spans = trace.take();
    if (i < 0) continue;
    times?.push(took);
    floor?.push(least);
    calls?.push(secretsCalls(spans));
    opened?.push(connections(spans));
  }
  return {
    floor: floor ?? [],
    rows: [
      row("rotation: floor, 4 calls and 2 connections by hand", floor ?? []),
      row("rotation: one-shot, function entry → done", times ?? [], {
        floor: floor ?? [],
        note: "also records two events in the ledger and announces the rotation",
      }),
      row("rotation: one-shot, Secrets Manager calls", calls ?? [], { note: "calls, not ms" }),
      row("rotation: one-shot, database connections", opened ?? [], { note: "connections, not ms" }),
    ],
  };
};

type Seen = { readonly AccessKeyId: string; readonly EventName: string };

/** The last calls of Secrets Manager since then, as the emulator's CloudTrail has them; it reads the key id and no signature. */
const recordedCalls = async ({ aws }: Stage, since: number): Promise<readonly Seen[]> => {
  const scope = `${aws.account}/20260101/${aws.region}/cloudtrail/aws4_request`;
  const reply = await fetch(aws.endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify({
      StartTime: since / 1_000,
      LookupAttributes: [{ AttributeKey: "EventSource", AttributeValue: "secretsmanager.amazonaws.com" }],
    }),
  });
  if (!reply.ok) throw new Error(`LookupEvents answered ${reply.status}: ${await reply.text()}`);
  const { Events } = (await reply.json()) as { readonly Events: readonly Seen[] };
  return Events.filter(({ AccessKeyId }) => AccessKeyId !== aws.account);
};

const PATIENCE_MS = 20_000;
const LOOK_MS = 20;

/** Asks Secrets Manager for a rotation and waits until its four steps have made the new version current. */
const rotateNatively = async ({ aws, secrets }: Stage, { id }: BenchCredential): Promise<void> => {
  const { VersionId = "" } = await secrets.send(
    new RotateSecretCommand({
      SecretId: id,
      RotationLambdaARN: `arn:aws:lambda:${aws.region}:${aws.account}:function:${names().rotate("default")}`,
      RotationRules: { ScheduleExpression: "rate(7 days)" },
    }),
  );
  for (const since = performance.now(); performance.now() - since < PATIENCE_MS; await sleep(LOOK_MS)) {
    const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId: id }));
    if (VersionIdsToStages[VersionId]?.includes("AWSCURRENT")) return;
  }
  throw new Error(`the rotation of ${id} was not finished after ${PATIENCE_MS} ms`);
};

const native = async (stage: Stage, floor: readonly number[], n: number): Promise<readonly Row[]> => {
  const subject = await stage.credential("native");
  const [times, calls, opened]: number[][] = [[], [], []];
  for (let i = -1; i < n; i++) {
    const before = await stage.connectionsSeen();
    const since = Date.now();
    const took = await timed(() => rotateNatively(stage, subject));
    const after = await stage.connectionsSeen();
    const seen = await recordedCalls(stage, since);
    if (i < 0) continue;
    times?.push(took);
    calls?.push(seen.length);
    opened?.push(after - before);
  }
  return [
    row("rotation: native four steps, RotateSecret → current", times ?? [], {
      floor,
      note: "deployed function; four emulated Lambda invocations, seen by looking every 20 ms",
    }),
    row("rotation: native four steps, Secrets Manager calls", calls ?? [], { note: "calls, not ms" }),
    row("rotation: native four steps, database connections", opened ?? [], { note: "connections, not ms" }),
  ];
};

/** Rotations under an application that queries without pause and reads the secret as it finds it. */
const underLoad = async (stage: Stage, obey: Obey, n: number): Promise<Row> => {
  const subject = await stage.credential("app");
  let latest = await current(stage, subject);
  let isOn = true;
  const reading = (async () => {
    while (isOn) latest = await current(stage, subject);
  })();
  const app = application(() => latest);
  const times: number[] = [];
  for (let round = 0; round < n; round++) {
    const before = latest.password;
    times.push(await timed(() => rotate(obey, subject)));
    while (latest.password === before) await sleep(1);
    await app.untilRenewed();
  }
  isOn = false;
  await reading;
  const { failures, queries } = await app.stop();
  const note = `application: ${failures.length} of ${queries} queries failed`;
  return row("rotation: alternating logins under a querying application", times, { note });
};

/** Rotations and revocations through the engine, on a deployed Rekey; about a minute, half of it to deploy. */
export const run = async ({ quick = false } = {}): Promise<Row[]> => {
  const stage = await openStage();
  try {
    const { obey, close } = await rotateFunction(stage);
    const trace = openTrace();
    try {
      const shots = await oneShot(stage, obey, trace, quick ? 5 : 50);
      const kills = await killParts(stage, obey, trace, quick ? 5 : 50);
      const reach = await firstReach(stage, obey, trace, quick ? 3 : 20);
      const steps = await native(stage, shots.floor, quick ? 2 : 10);
      const load = await underLoad(stage, obey, quick ? 5 : 50);
      return [...shots.rows, ...steps, load, ...kills, reach];
    } finally {
      trace.close();
      close();
    }
  } finally {
    await stage.stop();
  }
};
