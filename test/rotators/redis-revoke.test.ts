import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Conflict } from "../../lib/core/errors.ts";
import { hashOf } from "../../lib/rotators/redis/users.ts";
import { realClock } from "../support/clock.ts";
import { arrangeUsers, loggedIn } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";
import { wire } from "../support/redis-wire.ts";

const signal = AbortSignal.timeout(120_000);

redisSuite("a revoke of a Redis user", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await redisServer({ port: 5749 });
  });
  afterAll(() => server.stop());

  describe("after a revoke", () => {
    it("lets nothing in but the next version: neither the dead one nor any before it", async () => {
      const { current, rotate, revoke, verify } = await arrangeUsers([server]);
      const second = await rotate();
      await revoke(second);
      const third = await rotate(second);
      await verify(third);
      for (const dead of [current, second]) await expect(verify(dead)).rejects.toThrow("refused");
    });

    it("is not restored over something newer, and what is newer stays", async () => {
      const { current, rotate, revoke, verify, verbs, target } = await arrangeUsers([server]);
      const { undo } = await revoke(current);
      const next = await rotate();
      await expect(verbs.restore({ target, material: current, undo, signal })).rejects.toBeInstanceOf(Conflict);
      await verify(next);
      await expect(verify(current)).rejects.toThrow("refused");
    });

    it("is restored beside the replacement that it was revoked for", async () => {
      const { current, rotate, revoke, verify, verbs, target } = await arrangeUsers([server]);
      const next = await rotate();
      const { undo } = await revoke(current, [next]);
      await verbs.restore({ target, material: current, undo, signal });
      await Promise.all([verify(current), verify(next)]);
    });

    it("has ended sessions that wait: in a transaction, blocked, subscribed", async () => {
      const { current, revoke } = await arrangeUsers([server]);
      const waiting = await Promise.all(Array.from({ length: 3 }, () => loggedIn(current.reveal())));
      const commands = ["MULTI", "BLPOP nothing 0", "SUBSCRIBE news"];
      for (const [i, one] of waiting.entries()) one.send(`${commands[i]}\r\n`);
      await realClock.sleep(50);
      const { sessionsEnded } = await revoke(current);
      await realClock.sleep(20);
      expect([sessionsEnded, ...waiting.map((one) => one.isClosed())]).toEqual([3, true, true, true]);
    });

    it("leaves connections of others, and those that have not logged in", async () => {
      const { current, revoke, names } = await arrangeUsers([server], { strategy: "alternating" });
      const other = await loggedIn({ ...current.reveal(), username: names.b });
      const stranger = await wire(server.port);
      await revoke(current);
      expect([await other.ask("PING"), await stranger.ask("PING")]).toEqual(["+PONG", expect.stringMatching("NOAUTH")]);
      other.drop();
      stranger.drop();
    });
  });

  it("refuses to revoke a password that a version in force has as well", async () => {
    const { current, revoke, verify } = await arrangeUsers([server]);
    await expect(revoke(current, [current])).rejects.toBeInstanceOf(Conflict);
    await verify(current);
  });

  it("ends at once whatever came back: the hold finds the old password taken again", async () => {
    const { current, rotate, revoke, verify, verbs, target, names } = await arrangeUsers([server]);
    const next = await rotate();
    await revoke(current, [next]);
    await server.ask("ACL", "SETUSER", names.a, `#${hashOf(current.reveal().password)}`);
    const back = await loggedIn(current.reveal());
    const begunBefore = realClock.after(realClock.now(), -60_000);
    await verbs.revoke({ target, material: current, keep: [next], begunBefore, signal });
    expect(await back.ask("PING")).toBe("closed");
    await expect(verify(current)).rejects.toThrow("refused");
    await verify(next);
  });
});
