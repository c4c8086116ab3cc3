import { afterEach, expect, it } from "vitest";
import { Misconfigured, Unusable } from "../../lib/core/errors.ts";
import { hashOf } from "../../lib/rotators/redis/users.ts";
import { arrangeUsers } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";

redisSuite("a restart of Redis", () => {
  let server: RedisServer;
  afterEach(() => server.stop());

  it.each(["aclfile", "rewrite"] as const)("brings back what was not kept (%s): the danger is real", async (keeps) => {
    server = await redisServer({ port: 5750, keeps });
    const { current, names, verify } = await arrangeUsers([server]);
    await server.ask(...(keeps === "aclfile" ? ["ACL", "SAVE"] : ["CONFIG", "REWRITE"]));
    await server.ask("ACL", "SETUSER", names.a, "off", `!${hashOf(current.reveal().password)}`);
    await expect(verify(current)).rejects.toBeInstanceOf(Unusable);
    await server.restart();
    await verify(current);
  });

  it.each(["aclfile", "rewrite"] as const)("keeps a rotation and a revoke (%s)", async (keeps) => {
    server = await redisServer({ port: 5750, keeps });
    const { current, rotate, revoke, verify } = await arrangeUsers([server]);
    await server.ask(...(keeps === "aclfile" ? ["ACL", "SAVE"] : ["CONFIG", "REWRITE"]));
    const next = await rotate();
    await server.restart();
    await Promise.all([verify(current), verify(next)]);
    await revoke(current, [next]);
    await server.restart();
    await verify(next);
    await expect(verify(current)).rejects.toBeInstanceOf(Unusable);
    await revoke(next);
    await server.restart();
    await expect(verify(next)).rejects.toBeInstanceOf(Unusable);
  });

  it("is an error beforehand where nothing can be kept, but the password is dead by then", async () => {
    server = await redisServer({ port: 5750, keeps: "nothing" });
    const { current, revoke, rotate, verify } = await arrangeUsers([server]);
    await expect(rotate()).rejects.toThrow("a restart brings the old passwords back");
    const failed = revoke(current);
    await expect(failed).rejects.toBeInstanceOf(Misconfigured);
    await expect(failed).rejects.toThrow("rekey:persist=none");
    await expect(verify(current)).rejects.toBeInstanceOf(Unusable);
  });

  it("is the owner's business where rekey:persist=none says so", async () => {
    server = await redisServer({ port: 5750, keeps: "nothing" });
    const { current, revoke, rotate, verify } = await arrangeUsers([server], { tags: { persist: "none" } });
    const next = await rotate();
    await revoke(current, [next]);
    await verify(next);
  });
});
