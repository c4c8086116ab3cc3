import { afterAll, beforeAll } from "vitest";
import { rotatorContract } from "../contract/rotator.ts";
import { arrangeUsers } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";

const LACKS = ["sweep", "stranger"] as const;

redisSuite("Redis, one server", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await redisServer({ port: 5740 });
  });
  afterAll(() => server.stop());

  rotatorContract("redis, two passwords of one user", () => arrangeUsers([server]), { lacks: LACKS });
  rotatorContract("redis, two users in turn", () => arrangeUsers([server], { strategy: "alternating" }), {
    lacks: LACKS,
  });
});

redisSuite("Redis, three servers", () => {
  let servers: readonly RedisServer[];
  beforeAll(async () => {
    servers = await Promise.all([5741, 5742, 5743].map((port) => redisServer({ port, keeps: "rewrite" })));
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  rotatorContract("redis, three servers", () => arrangeUsers(servers), { lacks: LACKS });
});
