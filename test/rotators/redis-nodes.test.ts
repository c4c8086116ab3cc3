import { afterAll, beforeAll, expect, it } from "vitest";
import { Unreachable, Unusable } from "../../lib/core/errors.ts";
import { hashOf } from "../../lib/rotators/redis/users.ts";
import rotator from "../../lib/rotators/redis.ts";
import { failureOf } from "../contract/rotator-act.ts";
import { realClock } from "../support/clock.ts";
import { arrangeUsers, loggedIn } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";

const signal = AbortSignal.timeout(120_000);

redisSuite("several servers of Redis", () => {
  let servers: readonly RedisServer[];
  beforeAll(async () => {
    servers = await Promise.all([5760, 5761].map((port) => redisServer({ port })));
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  it("a version that one takes and one refuses is neither proven nor dead", async () => {
    const { current, names, verify } = await arrangeUsers(servers);
    await verify(current);
    await servers[1]?.ask("ACL", "SETUSER", names.a, "off");
    const error = await failureOf(verify(current));
    expect(error).not.toBeInstanceOf(Unusable);
    expect(String(error)).toMatch(/takes this version .*5760 and refuses it at .*5761/);
  });

  it("one that is away delays no other, and the whole is not called dead until it is back", async () => {
    const { current, revoke, verify } = await arrangeUsers(servers);
    const [first, second] = servers;
    await second?.ask("ACL", "SAVE");
    const session = await loggedIn(current.reveal());
    await second?.halt();
    await expect(revoke(current)).rejects.toBeInstanceOf(Unreachable);
    expect(await session.ask("PING")).toBe("closed");
    const direct = await loggedIn(current.reveal()).catch((error) => String(error));
    expect(direct).toContain("WRONGPASS");
    expect(await failureOf(verify(current))).not.toBeInstanceOf(Unusable);
    await second?.restart();
    expect(await failureOf(verify(current))).not.toBeInstanceOf(Unusable);
    await revoke(current);
    await expect(verify(current)).rejects.toBeInstanceOf(Unusable);
    expect(first?.port).toBe(5760);
  });

  it("ends the sessions at each of them", async () => {
    const { current, revoke } = await arrangeUsers(servers);
    const sessions = await Promise.all(servers.map(({ port }) => loggedIn({ ...current.reveal(), port })));
    expect(await revoke(current)).toMatchObject({ sessionsEnded: 2 });
    expect(await Promise.all(sessions.map((one) => one.ask("PING")))).toEqual(["closed", "closed"]);
  });

  it("is restored nowhere when one has moved on", async () => {
    const { current, names, revoke, verbs, target, verify } = await arrangeUsers(servers);
    const { undo } = await revoke(current);
    await servers[1]?.ask("ACL", "SETUSER", names.a, "on", `#${hashOf("somebody's")}`);
    await expect(verbs.restore({ target, material: current, undo, signal })).rejects.toThrow("was changed");
    await expect(verify(current)).rejects.toBeInstanceOf(Unusable);
  });

  it("goes by a name at each", () => {
    const target = rotator.target.safeParse({ admin: "a", nodes: "c2:6379 c3:7000" }).data;
    if (!target) throw new Error("the tags of the test are wrong");
    const material = { host: "c1", username: "orders", password: "example-only" };
    expect(rotator.identifiers(target, material, "")).toEqual([
      "db:c1:6379/orders",
      "db:c2:6379/orders",
      "db:c3:7000/orders",
    ]);
    for (const nodes of ["c2", "c2:0", "c2:x", ":6379", "c 2:1"]) {
      expect(rotator.target.safeParse({ admin: "a", nodes }).success).toBe(false);
    }
  });
});

redisSuite("a cluster of Redis", () => {
  const ports = [5762, 5763, 5764];
  let servers: readonly RedisServer[];
  beforeAll(async () => {
    servers = await Promise.all(
      ports.map((port) =>
        redisServer({ port, settings: { "cluster-enabled": "yes", "cluster-port": String(port + 3) } }),
      ),
    );
    const [first, ...others] = servers;
    for (const { port } of others) await first?.ask("CLUSTER", "MEET", "127.0.0.1", String(port), String(port + 3));
    const bounds = [0, 5461, 10923, 16384];
    for (const [i, server] of servers.entries()) {
      await server.ask("CLUSTER", "ADDSLOTSRANGE", String(bounds[i]), String((bounds[i + 1] ?? 0) - 1));
    }
    const isWhole = async () => {
      const told = await Promise.all(servers.map((server) => server.ask("CLUSTER", "INFO")));
      return told.every((info) => String(info).includes("cluster_state:ok"));
    };
    while (!(await isWhole())) await realClock.sleep(50);
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  it("is rotated and revoked at every server; a probe whose key is elsewhere proves the right", async () => {
    const { current, rotate, revoke, verify } = await arrangeUsers(servers, { tags: { probe: "GET health" } });
    const next = await rotate();
    await Promise.all([verify(current), verify(next)]);
    await revoke(current, [next]);
    await verify(next);
    await expect(verify(current)).rejects.toBeInstanceOf(Unusable);
    for (const { port } of servers) {
      await expect(loggedIn({ ...current.reveal(), port })).rejects.toThrow("WRONGPASS");
    }
  });
});
