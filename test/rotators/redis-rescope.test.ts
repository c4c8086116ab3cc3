import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Conflict, Misconfigured } from "../../lib/core/errors.ts";
import type { Instant, Undo } from "../../lib/core/types.ts";
import { realClock } from "../support/clock.ts";
import { type ArrangedUsers, arrangeUsers, loggedIn } from "../support/redis.ts";
import { type RedisServer, redisServer } from "../support/redis-server.ts";

let servers: readonly RedisServer[];
beforeAll(async () => {
  servers = [await redisServer({ port: 5671 }), await redisServer({ port: 5672 })];
}, 60_000);
afterAll(async () => {
  for (const server of servers) await server.stop();
});

const at = (world: ArrangedUsers) => {
  const attempt = { target: world.target, material: world.current, signal: AbortSignal.timeout(20_000) };
  return {
    narrow: async (begunBefore?: Instant) => {
      const request = { ...attempt, scope: "read-only", ...(begunBefore && { begunBefore }) } as const;
      const undo = await world.verbs.scope(request);
      return { undo, ...(await world.verbs.rescope(request)) };
    },
    widen: (undo: Undo) => world.verbs.widen({ ...attempt, undo: JSON.parse(JSON.stringify(undo)) }),
  };
};
const says = async (world: ArrangedUsers, port: number, command: string, username = world.names.a) => {
  const one = await loggedIn({ ...world.current.reveal(), username, port });
  const said = await one.ask(command);
  one.drop();
  return said;
};
const listed = (world: ArrangedUsers) =>
  Promise.all(
    servers.flatMap((server) =>
      [world.names.a, world.names.b].map((name) => server.ask("ACL", "GETUSER", name).then(String)),
    ),
  );

describe("a Redis credential made read-only", () => {
  it("reads and does not write, at every server and as either user, and its sessions are ended", async () => {
    const world = await arrangeUsers(servers, { strategy: "alternating" });
    const before = await loggedIn(world.current.reveal());
    expect(await before.ask("SET stock 1")).toBe("+OK");
    const blocked = await loggedIn(world.current.reveal());
    void blocked.ask("BLPOP orders 0").catch(() => undefined);
    expect((await at(world).narrow()).sessionsEnded).toBe(2);
    for (const { port } of servers) {
      for (const user of [world.names.a, world.names.b]) {
        expect(await says(world, port, "SET stock 2", user)).toContain("NOPERM");
        expect(await says(world, port, "EVAL \"return redis.call('set','stock',3)\" 0", user)).toContain("-");
        expect(await says(world, port, `ACL SETUSER ${user} +@all`, user)).toContain("NOPERM");
      }
    }
    expect(await says(world, servers[0]?.port ?? 0, "GET stock")).toContain("1");
  });

  it("is narrowed once however often it is told, sparing the sessions that began narrow", async () => {
    const world = await arrangeUsers(servers);
    await at(world).narrow();
    await new Promise((done) => setTimeout(done, 2_200));
    const narrowed = realClock.now();
    await new Promise((done) => setTimeout(done, 1_200));
    const after = await loggedIn(world.current.reveal());
    await at(world).narrow(narrowed);
    expect(await after.ask("PING")).toBe("+PONG");
    after.drop();
  });

  it("gets back exactly what it had, and twice is once", async () => {
    const world = await arrangeUsers(servers, { strategy: "alternating" });
    const before = await listed(world);
    const { undo } = await at(world).narrow();
    expect(await listed(world)).not.toEqual(before);
    await at(world).widen(undo);
    await at(world).widen(undo);
    expect(await listed(world)).toEqual(before);
  });

  it("is left alone when somebody has changed it since, and where selectors would remain", async () => {
    const world = await arrangeUsers(servers);
    const { undo } = await at(world).narrow();
    for (const server of servers) await server.ask("ACL", "SETUSER", world.names.a, "nocommands", "+get");
    await expect(at(world).widen(undo)).rejects.toBeInstanceOf(Conflict);
    for (const server of servers) await server.ask("ACL", "SETUSER", world.names.a, "(+set ~*)");
    await expect(at(world).narrow()).rejects.toBeInstanceOf(Misconfigured);
  });
});
