import { realClock } from "../test/support/clock.ts";
import { arrangeUsers, loggedIn } from "../test/support/redis.ts";
import { type RedisServer, redisServer } from "../test/support/redis-server.ts";
import { redisStorm } from "../test/support/redis-storm.ts";
import { oneCommand } from "./engine-redis.ts";
import { noticing } from "./noticing.ts";
import { type Row, row, timed } from "./stats.ts";

const PORT = 4714;
const WARM_UP = 5;
const SETTLE_MS = 100;

const revokes = async (server: RedisServer, n: number): Promise<readonly Row[]> => {
  const clock = noticing();
  const [{ current, revoke, rotate }, other] = [await arrangeUsers([server], { clock }), await arrangeUsers([server])];
  const [refused, quiet, floor]: number[][] = [[], [], []];
  let material = current;
  for (let i = -WARM_UP; i < n; i++) {
    const least = await timed(() => oneCommand(other.current.reveal()));
    const session = await loggedIn(material.reveal());
    clock.take();
    const from = performance.now();
    await revoke(material);
    const done = performance.now();
    const refusedAt = clock.take();
    if ((await session.ask("PING")) === "+PONG") throw new Error("a session survived a revoke");
    session.drop();
    material = await rotate(material);
    if (i < 0) continue;
    refused?.push(refusedAt - from);
    quiet?.push(done - from);
    floor?.push(least);
  }
  const note = "floor: one command on a new connection";
  return [
    row("redis: revoke call → refused and its session dead", refused ?? [], { floor: floor ?? [], note }),
    row("redis: revoke call → several looks quiet, users written", quiet ?? [], { floor: floor ?? [] }),
  ];
};

const rotations = async (server: RedisServer, n: number): Promise<Row> => {
  const { current: first, rotate, verify } = await arrangeUsers([server]);
  let current = first;
  const times: number[] = [];
  for (let i = 0; i < n; i++) {
    const from = performance.now();
    current = await rotate(current);
    await verify(current);
    times.push(performance.now() - from);
  }
  return row("redis: rotation with overlap, issue → install → verify", times);
};

const stormy = async (server: RedisServer, n: number): Promise<Row> => {
  const times: number[] = [];
  let survived = 0;
  for (let i = 0; i < n; i++) {
    const { current, revoke } = await arrangeUsers([server]);
    const attack = redisStorm(current.reveal());
    await attack.untilFull();
    times.push(await timed(() => revoke(current)));
    await realClock.sleep(SETTLE_MS);
    survived += (await attack.survivors()) > 0 ? 1 : 0;
  }
  return row("redis: revoke in a storm of 6 reconnecting clients", times, {
    note: `a session survived in ${survived} of ${n} runs`,
  });
};

/** The last table of docs/explanation/redis.md, on a Redis of its own with an ACL file, loopback without TLS; half a minute. */
export const run = async ({ quick = false } = {}): Promise<Row[]> => {
  const server = await redisServer({ port: PORT });
  try {
    const first = await revokes(server, quick ? 5 : 100);
    const turns = await rotations(server, quick ? 5 : 100);
    return [...first, turns, await stormy(server, quick ? 3 : 100)];
  } finally {
    await server.stop();
  }
};
