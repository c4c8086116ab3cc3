import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RIGHTS } from "../../lib/rotators/redis/failure.ts";
import { arrangeUsers, loggedIn } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";
import { wire } from "../support/redis-wire.ts";

const signal = AbortSignal.timeout(120_000);

redisSuite("looking at Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await redisServer({ port: 5751 });
  });
  afterAll(() => server.stop());

  describe("who uses a version", () => {
    it("is told by name and address where the user has one password", async () => {
      const { current, verbs, target, names } = await arrangeUsers([server]);
      const session = await loggedIn(current.reveal());
      await session.ask("CLIENT SETNAME orders-worker");
      const late = await wire(server.port);
      await late.ask(`AUTH ${names.a} of-long-ago`);
      const use = await verbs.uses({ target, material: current, signal });
      expect(use).toMatchObject({ sessions: 1, lastUsedAt: expect.stringMatching(/Z$/) });
      expect(use.by).toEqual([
        { who: "orders-worker from 127.0.0.1", count: 1 },
        { who: "refused from 127.0.0.1", count: 1 },
      ]);
      session.drop();
      late.drop();
    });

    it("is not claimed to be known where two passwords of the user are taken", async () => {
      const { current, verbs, target, rotate } = await arrangeUsers([server]);
      const session = await loggedIn(current.reveal());
      await rotate();
      const use = await verbs.uses({ target, material: current, signal });
      expect(use).toEqual({ by: [{ who: "127.0.0.1", count: 1 }] });
      session.drop();
    });
  });

  describe("the doctor", () => {
    it("finds all well, and has changed nothing", async () => {
      const { current, verbs, target, names } = await arrangeUsers([server]);
      const session = await loggedIn(current.reveal());
      const before = await server.ask("ACL", "GETUSER", names.a);
      const found = await verbs.inspect({ target, current, signal });
      expect(found.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
        "network well",
        "admin rights well",
        "user well",
      ]);
      expect(await server.ask("ACL", "GETUSER", names.a)).toEqual(before);
      expect(await session.ask("PING")).toBe("+PONG");
      session.drop();
    });

    it("tells how users that take turns differ, and nothing once they are alike", async () => {
      const { current, verbs, target, names } = await arrangeUsers([server], { strategy: "alternating" });
      const drift = async () =>
        (await verbs.inspect({ target, current, signal })).find(({ check }) => check.startsWith("drift"));
      expect(await drift()).toMatchObject({ verdict: "well" });
      await server.ask("ACL", "SETUSER", names.b, "resetkeys", "~extra:*", "-get");
      expect(await drift()).toMatchObject({
        verdict: "ill",
        found: expect.stringMatching(/commands .*-get.*; keys .*~extra:\*/),
        mend: expect.stringContaining(`ACL SETUSER ${names.b}`),
      });
      await server.ask("ACL", "SETUSER", names.a, "resetkeys", "~extra:*", "-get");
      expect(await drift()).toMatchObject({ verdict: "well" });
    });

    it("names what is ill: rights, users, secrets, networks", async () => {
      const ill = async (world: Awaited<ReturnType<typeof arrangeUsers>>, current = world.current) => {
        const found = await world.verbs.inspect({ target: world.target, current, signal });
        return found.filter(({ verdict }) => verdict === "ill").map(({ check, found: said }) => `${check}: ${said}`);
      };
      const bare = await arrangeUsers([server], { rights: RIGHTS.replace("+client|kill ", "") });
      expect(await ill(bare)).toEqual([expect.stringContaining("may not run CLIENT KILL")]);
      const grand = await arrangeUsers([server], { rules: ["~*", "+@all"] });
      expect(await ill(grand)).toEqual([expect.stringContaining("may change users or settings")]);
      const wrong = await arrangeUsers([server]);
      wrong.setAdmin({ password: "not-the-password-0" });
      expect(await ill(wrong)).toEqual([expect.stringContaining("admin secret: ")]);
      const away = await arrangeUsers([server]);
      const { material } = away.unreachable?.(away.current) ?? {};
      expect(await ill(away, material)).toEqual([expect.stringContaining("network: ")]);
    });
  });
});
