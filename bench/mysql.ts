import mysql from "mysql2/promise";
import { realClock } from "../test/support/clock.ts";
import { type TestMariadb, testMariadb } from "../test/support/mariadb.ts";
import { acting } from "../test/support/mariadb-acting.ts";
import { type Arranged, arrangeLogins, sessionOf } from "../test/support/mariadb-logins.ts";
import { storm } from "../test/support/mariadb-storm.ts";
import { oneStatement } from "./engine-mariadb.ts";
import { noticing } from "./noticing.ts";
import { type Row, row, timed } from "./stats.ts";

const PORT = 4713;
const WARM_UP = 5;
const SETTLE_MS = 60;
const CLIENTS = 6;

const revokes = async (server: TestMariadb, n: number): Promise<readonly Row[]> => {
  const clock = noticing();
  const [world, other] = [await arrangeLogins(server, { clock }), await arrangeLogins(server)];
  const { revoke, restore } = acting(world);
  const [refused, quiet, floor]: number[][] = [[], [], []];
  for (let i = -WARM_UP; i < n; i++) {
    const least = await timed(() => oneStatement(other.current.reveal()));
    const session = await sessionOf(world.current.reveal());
    clock.take();
    const from = performance.now();
    const { undo } = await revoke();
    const done = performance.now();
    const lockedAt = clock.take();
    if (await session.alive()) throw new Error("a session survived a revoke");
    session.end();
    await restore(world.current, undo);
    if (i < 0) continue;
    refused?.push(lockedAt - from);
    quiet?.push(done - from);
    floor?.push(least);
  }
  return [
    row("mysql: revoke call → login refused (ACCOUNT LOCK done)", refused ?? [], {
      floor: floor ?? [],
      note: "floor: one statement on a new connection. MariaDB",
    }),
    row("mysql: revoke call → its session dead, 50 ms quiet", quiet ?? [], { floor: floor ?? [] }),
  ];
};

const rotations = async (server: TestMariadb, n: number): Promise<Row> => {
  const world = await arrangeLogins(server);
  const { issue, install, verify } = acting(world);
  let { current } = world;
  const times: number[] = [];
  for (let i = 0; i < n; i++) {
    const from = performance.now();
    const next = await issue(current);
    await install(next, current);
    await verify(next);
    times.push(performance.now() - from);
    current = next;
  }
  return row("mysql: rotation with overlap, issue → install → verify", times);
};

type Procedure = (server: TestMariadb, world: Arranged) => Promise<unknown>;
/** As the page has them: on two connections where a pause between two statements matters, on one elsewhere. */
const lock: Procedure = ({ ask }, { names }) => ask(`ALTER USER ${names.a}@'%' ACCOUNT LOCK`);
const kill: Procedure = ({ ask }, { names }) => ask(`KILL USER ${names.a}`);
const renew: Procedure = ({ ask }, { names }) => ask(`ALTER USER ${names.a}@'%' IDENTIFIED BY 'another-one'`);
const inTurn =
  (...steps: readonly Procedure[]): Procedure =>
  async (server, world) => {
    for (const step of steps) await step(server, world);
  };
const procedures: readonly (readonly [name: string, runs: (n: number) => number, procedure: Procedure])[] = [
  ["new password only", (n) => Math.min(n, 10), renew],
  ["ACCOUNT LOCK only", (n) => Math.min(n, 10), lock],
  ["KILL USER, then ACCOUNT LOCK", (n) => n, inTurn(kill, lock)],
  ["new password, then KILL USER", (n) => n, inTurn(renew, kill)],
  ["ACCOUNT LOCK, then KILL USER", (n) => n, inTurn(lock, kill)],
  ["what the rotator does", (n) => n, (_, world) => acting(world).revoke()],
];

const stormy = async (server: TestMariadb, n: number): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  for (const [name, runs, procedure] of procedures) {
    const times: number[] = [];
    let survived = 0;
    for (let i = 0; i < runs(n); i++) {
      const world = await arrangeLogins(server);
      const attack = storm(world.current.reveal(), CLIENTS);
      while (attack.holds() < CLIENTS) await realClock.sleep(2);
      times.push(await timed(() => procedure(server, world)));
      await realClock.sleep(SETTLE_MS);
      survived += (await attack.survivors()) > 0 ? 1 : 0;
    }
    rows.push(
      row(`mysql: storm of ${CLIENTS}, ${name}`, times, {
        note: `a session survived in ${survived} of ${runs(n)} runs`,
      }),
    );
  }
  return rows;
};

const HUNDRED = 100;
const manySessions = async (server: TestMariadb): Promise<Row> => {
  const world = await arrangeLogins(server);
  const { host, port, username: user, password } = world.current.reveal();
  const held = await Promise.all(
    Array.from({ length: HUNDRED }, () => mysql.createConnection({ host, port: Number(port), user, password })),
  );
  for (const one of held) one.on("error", () => undefined);
  let ended = 0;
  const took = await timed(async () => {
    ended = (await acting(world).revoke()).sessionsEnded;
  });
  for (const one of held) one.destroy();
  return row("mysql: revoke with 100 sessions open", [took], { note: `${ended} ended` });
};

/** The figures of docs/explanation/mysql.md, on a MariaDB of its own, loopback without TLS; about a minute. */
export const run = async ({ quick = false } = {}): Promise<Row[]> => {
  const settings = ["--performance-schema=ON", "--general-log=0", "--max-connections=400"];
  const server = await testMariadb({ port: PORT, settings });
  try {
    const first = await revokes(server, quick ? 5 : 100);
    const turns = await rotations(server, quick ? 5 : 50);
    return [...first, turns, await manySessions(server), ...(await stormy(server, quick ? 3 : 40))];
  } finally {
    await server.stop();
  }
};
