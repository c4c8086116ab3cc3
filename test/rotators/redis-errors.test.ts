import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Forbidden, Misconfigured, Throttled, Unreachable, Unusable } from "../../lib/core/errors.ts";
import { mapSecret } from "../../lib/core/secret.ts";
import { RIGHTS } from "../../lib/rotators/redis/failure.ts";
import rotator from "../../lib/rotators/redis.ts";
import { expectNoSecret, failureOf, visible } from "../contract/rotator-act.ts";
import { arrangeUsers } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";
import { wire } from "../support/redis-wire.ts";

const signal = AbortSignal.timeout(120_000);

redisSuite("failures at Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await redisServer({ port: 5753 });
  });
  afterAll(() => server.stop());

  describe("rights of Rekey's user", () => {
    const needed = RIGHTS.split(" ").filter((right) => !["+config|rewrite", "+acl|log"].includes(right));
    const verb = (right: string) => (right === "+client|list" || right === "+time" ? "hold" : "revoke");

    it.each(needed)("%s is needed: without it the error names it and says the mend", async (right) => {
      const rights = RIGHTS.split(" ").filter((one) => one !== right);
      const world = await arrangeUsers([server], { rights: rights.join(" ") });
      const { verbs, target, current, revoke } = world;
      const absent = mapSecret(current, (material) => ({ ...material, password: "never-a-password-0" }));
      const begunBefore = world.deps.clock.now();
      const tried =
        verb(right) === "hold"
          ? verbs.revoke({ target, material: absent, keep: [current], begunBefore, signal })
          : revoke(current);
      const error = await failureOf(tried);
      expect(error).toBeInstanceOf(Forbidden);
      expect(String(error)).toContain(right);
      expect(String(error)).toContain(RIGHTS);
    });

    it.each(["+client|kill", "+multi", "+exec"])(
      "without %s a revoke fails, but the password is dead",
      async (right) => {
        const rights = RIGHTS.split(" ").filter((one) => one !== right);
        const { current, revoke, verify } = await arrangeUsers([server], { rights: rights.join(" ") });
        await expect(revoke(current)).rejects.toBeInstanceOf(Forbidden);
        await expect(verify(current)).rejects.toBeInstanceOf(Unusable);
      },
    );

    it("are enough: the contract runs with them alone, and the reference prints them", () => {
      expect(rotator.notes?.join(" ")).toContain(RIGHTS);
    });

    it("+acl|log is needed to tell who was refused", async () => {
      const rights = RIGHTS.replace(" +acl|log", "");
      const { verbs, target, current } = await arrangeUsers([server], { rights });
      await expect(verbs.uses({ target, material: current, signal })).rejects.toThrow("+acl|log");
    });

    it("reach no data", async () => {
      const { deps } = await arrangeUsers([server]);
      const admin = await deps.readAdmin("arn:aws:secretsmanager:eu-central-1:111122223333:secret:cache-admin-AbCdEf");
      const { username, password } = admin.reveal() as { username: string; password: string };
      const client = await server.connected(username, password);
      await expect(client.sendCommand(["GET", "k"])).rejects.toThrow("NOPERM");
      client.destroy();
    });
  });

  it("a wrong admin password is the admin secret's fault, never the material's", async () => {
    const { setAdmin, revoke, current, rotate } = await arrangeUsers([server]);
    setAdmin({ password: "not-the-password-0" });
    for (const error of [await failureOf(revoke(current)), await failureOf(rotate())]) {
      expect(error).toBeInstanceOf(Misconfigured);
      expect(String(error)).toContain("cache-admin");
      expect(visible(error)).not.toContain("not-the-password-0");
    }
  });

  it("an admin secret of another server, or of the managed user itself, is refused before anything is sent", async () => {
    const { setAdmin, revoke, current, names, verify } = await arrangeUsers([server]);
    setAdmin({ host: "other.example" });
    await expect(revoke(current)).rejects.toThrow("another server");
    setAdmin({ host: server.host, username: names.a });
    await expect(revoke(current)).rejects.toThrow("lock Rekey out");
    await verify(current);
  });

  it("a probe that is not allowed is a missing right, not a dead password", async () => {
    const { current, verify, names } = await arrangeUsers([server], { tags: { probe: "GET health" } });
    await verify(current);
    await server.ask("ACL", "SETUSER", names.a, "-get");
    const error = await failureOf(verify(current));
    expect(error).toBeInstanceOf(Forbidden);
    expect(String(error)).toContain("+get");
  });

  it("a server with no connection left is busy", async () => {
    const full = await redisServer({ port: 5754, settings: { maxclients: "4" } });
    const { current, verify } = await arrangeUsers([full]);
    const held = await Promise.all(Array.from({ length: 3 }, () => wire(5754)));
    await expect(verify(current)).rejects.toBeInstanceOf(Throttled);
    for (const one of held) one.drop();
    await full.stop();
  });

  it("a user that is missing is named when it is to be rotated, and nothing to revoke", async () => {
    const { current, names, rotate, revoke } = await arrangeUsers([server]);
    await server.ask("ACL", "DELUSER", names.a);
    await expect(rotate()).rejects.toThrow(`has no user ${names.a}`);
    expect(await revoke(current)).toMatchObject({ sessionsEnded: 0 });
    expect(await server.ask("ACL", "GETUSER", names.a)).toBeNull();
  });

  it("a server that accepts and then says nothing is left when the caller's time is up", async () => {
    const mute = createServer((socket) => socket.on("error", () => undefined)).listen(5756, "127.0.0.1");
    await once(mute, "listening");
    const { current, verbs, target } = await arrangeUsers([server]);
    const material = mapSecret(current, (one) => ({ ...one, port: 5756 }));
    const began = performance.now();
    const tried = verbs.verify({ target, material, signal: AbortSignal.timeout(200) });
    await expect(tried).rejects.toThrow(/timeout|aborted/i);
    expect(performance.now() - began).toBeLessThan(2_000);
    mute.close();
  });

  it("a dead server is away, and shows no secret", async () => {
    const { current, verbs, target } = await arrangeUsers([server]);
    const material = mapSecret(current, (one) => ({ ...one, port: 5769 }));
    const error = await failureOf(verbs.verify({ target, material, signal }));
    expect(error).toBeInstanceOf(Unreachable);
    expectNoSecret(visible(error), [current]);
  });

  it("says refused in words that hold no password", async () => {
    const { current, verify, revoke } = await arrangeUsers([server]);
    await revoke(current);
    const error = await failureOf(verify(current));
    expect(error).toBeInstanceOf(Unusable);
    expectNoSecret(visible(error), [current]);
  });
});
