import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { passwordFor } from "../lib/core/password.ts";
import type { VersionId } from "../lib/core/types.ts";
import { scramVerifier } from "../lib/rotators/postgres/scram.ts";
import type { Material } from "../lib/rotators/postgres/target.ts";
import { application } from "../test/support/application.ts";
import { byHand } from "./by-hand.ts";
import { type Obey, rotateFunction } from "./in-process.ts";
import { NATIVE, type NativeTurn, nativeTurn } from "./native.ts";
import { firstReach, killParts } from "./revocation.ts";
import { type BenchCredential, oneStatement, openStage, type Stage } from "./stage.ts";
import { type Row, row, timed } from "./stats.ts";
import { connections, openTrace, secretsCalls, type Trace } from "./trace.ts";

const ACTOR = { kind: "human", principal: "bench" } as const;
const random = (bytes: number) => randomBytes(bytes);

/** Made by hand: the calls of Secrets Manager, a verifier, two connections. */
const floorTurn = async (stage: Stage, { id, name }: BenchCredential, turn: number) => {
  const password = passwordFor({}, random);
  const next: Material = { ...stage.at, username: `${name}_${turn % 2 ? "a" : "b"}`, password };
  await byHand(stage, id, next, async () => {
    const verifier = await scramVerifier(password, random);
    await oneStatement(stage.admin, `ALTER ROLE ${next.username} PASSWORD '${verifier}'`);
    await oneStatement(next);
  });
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
    const least = await timed(() => floorTurn(stage, bare, i + 2));
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

const native = async (stage: Stage, floor: readonly number[], n: number): Promise<readonly Row[]> => {
  const subject = await stage.credential("native");
  const turns: NativeTurn[] = [];
  for (let i = -1; i < n; i++) {
    const turn = await nativeTurn(stage, subject.id, stage.connectionsSeen);
    if (i >= 0) turns.push(turn);
  }
  const all = (part: keyof NativeTurn) => turns.map((turn) => turn[part]);
  return [
    row("rotation: native four steps, RotateSecret → current", all("took"), {
      floor,
      note: NATIVE,
    }),
    row("rotation: native four steps, Secrets Manager calls", all("calls"), { note: "calls, not ms" }),
    row("rotation: native four steps, database connections", all("connections"), { note: "connections, not ms" }),
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
