import { randomUUID } from "node:crypto";
import type { VersionId } from "../lib/core/types.ts";
import type { Engine, Subject } from "./engine.ts";
import { iamEngine } from "./engine-iam.ts";
import { mariadbEngine } from "./engine-mariadb.ts";
import { redisEngine } from "./engine-redis.ts";
import { type Obey, rotateFunction } from "./in-process.ts";
import { NATIVE, type NativeTurn, nativeTurn } from "./native.ts";
import { openStage, type Stage } from "./stage.ts";
import { type Row, row, timed } from "./stats.ts";
import { callsOf, openTrace, secretsCalls, type Trace } from "./trace.ts";

const ACTOR = { kind: "human", principal: "bench" } as const;
const WARM_UP = 2;
/** Beside the stage's own, 4700 and 4710. */
const PORTS = { mariadb: 4711, redis: 4712 };

type Bench = { readonly stage: Stage; readonly obey: Obey; readonly trace: Trace; readonly engine: Engine };
const counted = { note: "calls, not ms" };
const opens = { note: "connections, not ms" };
const none = async () => 0;

type Shot = Readonly<Record<"least" | "took" | "calls" | "own" | "opened", number>>;

const shot = async ({ obey, trace, engine }: Bench, subject: Subject, bare: Subject): Promise<Shot> => {
  const { services, connectionsSeen = none } = engine;
  const least = await timed(bare.rotateByHand);
  const before = await connectionsSeen();
  trace.take();
  const attempt = randomUUID() as VersionId;
  const took = await timed(() => obey({ verb: "rotate", credential: subject.id, attempt, actor: ACTOR }));
  const spans = trace.take();
  const own = services.reduce((sum, service) => sum + callsOf(service, spans), 0);
  return { least, took, calls: secretsCalls(spans), own, opened: (await connectionsSeen()) - before };
};

const oneShot = async (bench: Bench, n: number) => {
  const { name, services, byHand, connectionsSeen, subject } = bench.engine;
  const [turned, bare] = [await subject("oneshot"), await subject("floor")];
  const shots: Shot[] = [];
  for (let i = -WARM_UP; i < n; i++) {
    const one = await shot(bench, turned, bare);
    if (i >= 0) shots.push(one);
  }
  const all = (part: keyof Shot) => shots.map((one) => one[part]);
  const floor = all("least");
  const atTarget = connectionsSeen
    ? row(`${name}: one-shot, connections to the server`, all("opened"), opens)
    : row(`${name}: one-shot, calls of ${services.join(" and ")}`, all("own"), counted);
  return {
    floor,
    rows: [
      row(`${name}: floor, 4 calls and ${byHand} by hand`, floor),
      row(`${name}: one-shot, function entry → done`, all("took"), { floor }),
      row(`${name}: one-shot, Secrets Manager calls`, all("calls"), counted),
      atTarget,
    ],
  };
};

const native = async ({ stage, engine }: Bench, floor: readonly number[], n: number): Promise<readonly Row[]> => {
  const { name, connectionsSeen } = engine;
  const { id } = await engine.subject("native");
  const turns: NativeTurn[] = [];
  for (let i = -1; i < n; i++) {
    const turn = await nativeTurn(stage, id, connectionsSeen ?? none);
    if (i >= 0) turns.push(turn);
  }
  const all = (part: keyof NativeTurn) => turns.map((turn) => turn[part]);
  const opened = row(`${name}: native four steps, connections to the server`, all("connections"), opens);
  return [
    row(`${name}: native four steps, RotateSecret → current`, all("took"), { floor, note: NATIVE }),
    row(`${name}: native four steps, Secrets Manager calls`, all("calls"), counted),
    ...(connectionsSeen ? [opened] : []),
  ];
};

/** Refused: when the target stopped taking the credential, as the kill has it, in whole ms; verified: tried and refused. */
const revocation = async ({ obey, engine }: Bench, n: number): Promise<readonly Row[]> => {
  const [subject, other] = await Promise.all([engine.subject("revoked"), engine.subject("bystander")]);
  const [refused, verified, floor]: number[][] = [[], [], []];
  for (let i = -WARM_UP; i < n; i++) {
    const least = await timed(other.ask);
    const from = Date.now();
    const { killed } = await obey({ verb: "revoke", credential: subject.id, doomed: "current" });
    const versions = killed.map(({ version, undo }) => ({ version, undo }));
    await obey({ verb: "restore", credential: subject.id, versions });
    const [kill] = killed;
    if (!kill) throw new Error(`nothing of ${subject.id} was revoked`);
    if (i < 0) continue;
    floor?.push(least);
    refused?.push(Date.parse(kill.refusedAt) - from);
    verified?.push(Date.parse(kill.verifiedAt) - from);
  }
  const note = `floor: ${engine.asks}; whole milliseconds`;
  return [
    row(`${engine.name}: function entry → refused`, refused ?? [], { floor: floor ?? [], note }),
    row(`${engine.name}: function entry → tried and refused`, verified ?? [], { floor: floor ?? [] }),
  ];
};

const engines = [
  (stage: Stage) => mariadbEngine(stage, PORTS.mariadb),
  (stage: Stage) => redisEngine(stage, PORTS.redis),
  iamEngine,
];

/** Rotations and revocations of every other engine through a deployed Rekey, as `rotation` does for PostgreSQL; about a minute and a half. */
export const run = async ({ quick = false } = {}): Promise<Row[]> => {
  const stage = await openStage();
  const rows: Row[] = [];
  try {
    const { obey, close } = await rotateFunction(stage);
    const trace = openTrace();
    for (const open of engines) {
      const engine = await open(stage);
      try {
        const bench = { stage, obey, trace, engine };
        const shots = await oneShot(bench, quick ? 5 : 50);
        const steps = await native(bench, shots.floor, quick ? 2 : 10);
        rows.push(...shots.rows, ...steps, ...(await revocation(bench, quick ? 5 : 50)));
      } finally {
        await engine.stop();
      }
    }
    trace.close();
    close();
    return rows;
  } finally {
    await stage.stop();
  }
};
