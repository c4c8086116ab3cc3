import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hashOf } from "../../lib/rotators/redis/users.ts";
import { realClock } from "../support/clock.ts";
import { arrangeUsers, loggedIn } from "../support/redis.ts";
import { type RedisServer, redisServer, redisSuite } from "../support/redis-server.ts";
import { redisStorm } from "../support/redis-storm.ts";

const SETTLE_MS = 100;

type Procedure = (ask: RedisServer["ask"], name: string, hash: string) => Promise<unknown>;
const off: Procedure = (ask, name) => ask("ACL", "SETUSER", name, "off");
const kill: Procedure = (ask, name) => ask("CLIENT", "KILL", "USER", name);
/** As far as a server in another zone is away. The storm runs in this very process, and could not keep up with less. */
const aRoundTrip: Procedure = () => realClock.sleep(3);
const inOne =
  (...steps: readonly Procedure[]): Procedure =>
  (ask, name, hash) =>
    Promise.all([ask("MULTI"), ...steps.map((step) => step(ask, name, hash)), ask("EXEC")]);
const inTurn =
  (...steps: readonly Procedure[]): Procedure =>
  async (ask, name, hash) => {
    for (const step of steps) await step(ask, name, hash);
  };

/** The table of procedures in docs/explanation/redis.md: in how many runs a session survived. */
const procedures: readonly (readonly [name: string, procedure: Procedure, survived: RegExp])[] = [
  ["new password only", (ask, name, hash) => ask("ACL", "SETUSER", name, `!${hash}`, `#${hashOf("next")}`), /all/],
  ["kill, then off a round trip later", inTurn(kill, aRoundTrip, off), /some|all/],
  ["off, then kill a round trip later", inTurn(off, aRoundTrip, kill), /none/],
  ["kill and off in one transaction", inOne(kill, off), /none/],
  ["off and kill in one transaction", inOne(off, kill), /none/],
];

const threads = [
  { name: "one thread", port: 5746, runs: 20, settings: {} },
  { name: "four I/O threads", port: 5747, runs: 10, settings: { "io-threads": "4", "io-threads-do-reads": "yes" } },
];

for (const { name, port, runs, settings } of threads) {
  redisSuite(`an attacker who reconnects without pause, Redis with ${name}`, () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await redisServer({ port, settings });
    });
    afterAll(() => server.stop());

    const runOf = async (procedure: Procedure): Promise<number> => {
      const { current, names } = await arrangeUsers([server]);
      const attack = redisStorm(current.reveal());
      await attack.untilFull();
      await procedure(server.ask, names.a, hashOf(current.reveal().password));
      await realClock.sleep(SETTLE_MS);
      return (await attack.survivors()) > 0 ? 1 : 0;
    };

    it.each(procedures)("%s", async (procedure, run, survived) => {
      let count = 0;
      for (let n = 0; n < runs; n++) count += await runOf(run);
      process.stdout.write(`Redis with ${name}, ${procedure}: a session survived in ${count} of ${runs} runs\n`);
      expect(count === 0 ? "none" : count === runs ? "all" : "some").toMatch(survived);
    });

    describe("the rotator", () => {
      it.each(Array.from({ length: runs }, (_, run) => run + 1))("leaves no session, run %i", async () => {
        const { current, revoke } = await arrangeUsers([server]);
        const attack = redisStorm(current.reveal());
        await attack.untilFull();
        const { sessionsEnded } = await revoke(current);
        await realClock.sleep(SETTLE_MS);
        expect({ survivors: await attack.survivors(), sessionsEnded }).toEqual({ survivors: 0, sessionsEnded: 6 });
      });

      it("leaves none of a user that the replacement shares, and the replacement works", async () => {
        const { current, revoke, rotate, verify } = await arrangeUsers([server]);
        const attack = redisStorm(current.reveal());
        await attack.untilFull();
        const next = await rotate();
        await revoke(current, [next]);
        const after = await loggedIn(next.reveal());
        await realClock.sleep(SETTLE_MS);
        expect(await attack.survivors()).toBe(0);
        await verify(next);
        expect(await after.ask("PING")).toBe("+PONG");
        after.drop();
      });
    });
  });
}
