import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { realClock } from "../support/clock.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { acting } from "../support/mariadb-acting.ts";
import { holdHandshake } from "../support/mariadb-handshake.ts";
import { arrangeLogins, sessionOf } from "../support/mariadb-logins.ts";
import { storm } from "../support/mariadb-storm.ts";

describe.skipIf(!hasMariadb)(`an attacker on ${mariadbName}`, () => {
  let server: TestMariadb;
  beforeAll(async () => {
    server = await testMariadb({ port: 5712, settings: ["--performance-schema=ON"] });
    await server.ask("CREATE DATABASE shop");
  }, 60_000);
  afterAll(() => server?.stop());

  it.each(Array.from({ length: 20 }, (_, run) => run + 1))(
    "who reconnects without pause has no session left after a revoke, run %i of 20",
    async () => {
      const world = await arrangeLogins(server);
      const attack = storm(world.current.reveal());
      while (attack.holds() < 6) await realClock.sleep(2);
      await acting(world).revoke();
      await realClock.sleep(60);
      expect(await attack.survivors()).toBe(0);
    },
  );

  it.each(["overlap", "single"] as const)(
    "is thrown out of a login that the replacement shares, too (%s)",
    async (strategy) => {
      const world = await arrangeLogins(server, { strategy });
      const { rotate, revoke, verify } = acting(world);
      const attack = storm(world.current.reveal());
      while (attack.holds() < 6) await realClock.sleep(2);
      const next = await rotate();
      await revoke(world.current, [next]);
      await realClock.sleep(60);
      expect(await attack.survivors()).toBe(0);
      await verify(next);
    },
  );

  it.each(["greeting", "named"] as const)(
    "with a handshake held open (%s) does not get in after a revoke",
    async (stage) => {
      const world = await arrangeLogins(server);
      const held = await holdHandshake(world.current.reveal(), stage);
      const { settlesInMs } = await acting(world).revoke();
      expect(await held.finish()).toBe(stage === "named" ? "closed" : "1045");
      expect(settlesInMs).toBe(15_000);
    },
  );

  it.each(["greeting", "named"] as const)(
    "nor (%s) where the doomed version left an account that goes on",
    async (stage) => {
      const world = await arrangeLogins(server);
      const { rotate, revoke, verify } = acting(world);
      const held = await holdHandshake(world.current.reveal(), stage);
      const next = await rotate();
      await revoke(world.current, [next]);
      expect(await held.finish()).toBe(stage === "named" ? "closed" : "1045");
      await verify(next);
    },
  );

  it.each(["greeting", "named"] as const)(
    "nor (%s) when the next version unlocks what somebody else locked",
    async (stage) => {
      const world = await arrangeLogins(server);
      const held = await holdHandshake(world.current.reveal(), stage);
      const session = await sessionOf(world.current.reveal());
      await server.ask(`ALTER USER ${world.names.a}@'%' ACCOUNT LOCK`);
      const next = await acting(world).rotate();
      expect(await held.finish()).toBe(stage === "named" ? "closed" : "1045");
      expect(await session.alive()).toBe(false);
      await acting(world).verify(next);
    },
  );

  it("inside another definer's routine is found and ended", async () => {
    const world = await arrangeLogins(server);
    const { a } = world.names;
    await server.ask(`CREATE USER d_${a}@'%' IDENTIFIED BY 'x'`);
    await server.ask(`CREATE DEFINER=d_${a}@'%' PROCEDURE shop.p_${a}() SQL SECURITY DEFINER BEGIN DO SLEEP(20); END`);
    for (const who of [a, `d_${a}`]) await server.ask(`GRANT EXECUTE ON shop.* TO ${who}@'%'`);
    const session = await sessionOf(world.current.reveal());
    const running = session.query(`CALL shop.p_${a}()`).then(
      () => "ran to its end",
      () => "ended",
    );
    await realClock.sleep(200);
    expect((await acting(world).revoke()).sessionsEnded).toBe(1);
    expect(await running).toBe("ended");
  });

  it("who changes over to the login inside a session of another is ended with it", async () => {
    const world = await arrangeLogins(server, { strategy: "alternating" });
    const { username, password } = world.current.reveal();
    const other = await sessionOf({ ...world.current.reveal(), username: world.names.b });
    await other.changeTo(username, password);
    expect((await acting(world).revoke()).sessionsEnded).toBe(1);
    expect(await other.alive()).toBe(false);
  });
});
