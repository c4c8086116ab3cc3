import pg from "pg";
import { holdHandshake } from "../local/held-handshake.ts";
import { application } from "../test/support/application.ts";
import { realClock } from "../test/support/clock.ts";
import { type Arranged, arrangeLogins, sessionOf, type TestServer, testServer } from "../test/support/postgres.ts";
import { storm } from "../test/support/storm.ts";
import { noticing } from "./noticing.ts";
import { type Row, row, timed } from "./stats.ts";

const REVOKES = 100;
const STORMS = 100;
const ROTATIONS = 50;
const HELD_S = [2, 30, 70];
const WARM_UP = 10;

const signal = AbortSignal.timeout(600_000);

const oneStatement = async (server: TestServer, { current }: Arranged): Promise<void> => {
  const { username, password } = current.reveal();
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: username,
    password,
    database: "postgres",
  });
  await client.connect();
  await client.query("SELECT 1");
  await client.end();
};

const revokes = async (server: TestServer): Promise<readonly Row[]> => {
  const clock = noticing();
  const world = await arrangeLogins(server, { clock });
  const other = await arrangeLogins(server);
  const { target, current: material } = world;
  const verbs = world.rotator.connect(world.deps);
  const [refused, returned, floor]: number[][] = [[], [], []];
  for (let i = 0; i < REVOKES + WARM_UP; i++) {
    const statement = await timed(() => oneStatement(server, other));
    const session = await sessionOf(material.reveal());
    clock.take();
    const from = performance.now();
    const { undo } = await verbs.revoke({ target, material, keep: [], signal });
    const done = performance.now();
    const lockedAt = clock.take();
    if (await session.alive()) throw new Error("a session survived a revoke");
    await session.end();
    await verbs.restore?.({ target, material, undo, signal });
    if (i < WARM_UP) continue;
    refused?.push(lockedAt - from);
    returned?.push(done - from);
    floor?.push(statement);
  }
  const peer = "peer in its own run: OpenBao 2.6.2 tuned 10.8 at a floor of 8.9, ratio 1.21";
  return [
    row("postgres: revoke call → login refused (NOLOGIN committed)", refused ?? [], { floor: floor ?? [], note: peer }),
    row("postgres: revoke call → its session dead, 50 ms quiet", returned ?? [], { floor: floor ?? [] }),
  ];
};

const storms = async (server: TestServer): Promise<Row> => {
  const times: number[] = [];
  let survivors = 0;
  let ended = 0;
  for (let run = 0; run < STORMS; run++) {
    const { rotator, deps, target, current: material } = await arrangeLogins(server);
    const verbs = rotator.connect(deps);
    const attack = storm(material.reveal());
    while (attack.holds() < 6) await realClock.sleep(2);
    times.push(
      await timed(async () => {
        ended += (await verbs.revoke({ target, material, keep: [], signal })).sessionsEnded;
      }),
    );
    await realClock.sleep(400);
    survivors += await attack.survivors();
  }
  const note = `${survivors} sessions alive 400 ms after revoke returned, over all runs; ${ended} ended`;
  return row("postgres: revoke in a storm of 6 reconnecting clients", times, { note });
};

const held = async (server: TestServer, seconds: number): Promise<Row> => {
  const { rotator, deps, target, current: material } = await arrangeLogins(server);
  const handshakes = await Promise.all(Array.from({ length: 5 }, () => holdHandshake(material.reveal())));
  const took = await timed(() => rotator.connect(deps).revoke({ target, material, keep: [], signal }));
  await realClock.sleep(seconds * 1_000);
  const verdicts = await Promise.all(handshakes.map(({ finish }) => finish()));
  const note = `5 handshakes: ${[...new Set(verdicts)].join(", ")} (28000: refused by NOLOGIN; closed: by authentication_timeout)`;
  return row(`postgres: held handshake finished ${seconds} s after revoke`, [took], { note });
};

const rotations = async (server: TestServer): Promise<Row> => {
  const { rotator, deps, target, current: first } = await arrangeLogins(server);
  const verbs = rotator.connect(deps);
  let current = first;
  const app = application(() => current.reveal());
  const times: number[] = [];
  for (let round = 0; round < ROTATIONS; round++) {
    const from = performance.now();
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    await verbs.install({ target, next, current, signal });
    await verbs.verify({ target, material: next, signal });
    times.push(performance.now() - from);
    current = next;
    await app.untilRenewed();
  }
  const { failures, queries } = await app.stop();
  const note = `application: ${failures.length} of ${queries} queries failed; ${new Set(failures).size} kinds`;
  return row("postgres: alternating rotation, issue → install → verify", times, { note });
};

/** Runs on a PostgreSQL 18 of its own, durable (fsync on), over loopback without TLS; about two minutes. */
export const run = async (): Promise<Row[]> => {
  const server = await testServer({ port: 5660, settings: { fsync: "on" } });
  try {
    const first = await revokes(server);
    const turns = await rotations(server);
    const stormy = await storms(server);
    const waits = await Promise.all(HELD_S.map((seconds) => held(server, seconds)));
    return [...first, turns, stormy, ...waits];
  } finally {
    await server.stop();
  }
};

if (import.meta.main) console.table(await run());
