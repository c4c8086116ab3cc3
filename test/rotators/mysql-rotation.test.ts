import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Conflict, Unusable } from "../../lib/core/errors.ts";
import { hashOf } from "../../lib/rotators/mysql/accounts.ts";
import { markHash, readMark } from "../../lib/rotators/mysql/mark.ts";
import { realClock } from "../support/clock.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { acting, failing } from "../support/mariadb-acting.ts";
import { arrangeLogins, sessionOf } from "../support/mariadb-logins.ts";

it("a mark is read as it was written, and no password's hash is taken for one", () => {
  const mark = { cause: "locked", at: 1_795_420_293, connection: 4_294_967_296, nonce: "00C0FFEE" } as const;
  expect(markHash(mark)).toMatch(/^\*[0-9A-F]{40}$/);
  expect(readMark(markHash(mark))).toEqual(mark);
  expect(readMark(hashOf("any"))).toBeUndefined();
});

describe.skipIf(!hasMariadb)(`rotating on ${mariadbName}`, () => {
  let server: TestMariadb;
  beforeAll(async () => {
    server = await testMariadb({
      port: 5713,
      settings: ["--log-warnings=9", "--slow-query-log=1", "--long-query-time=0"],
    });
    await server.ask("CREATE DATABASE shop");
    await server.ask("CREATE TABLE shop.orders (id int)");
  }, 60_000);
  afterAll(() => server?.stop());

  it.each(["overlap", "alternating"] as const)(
    "%s: a workload that logs in and asks without pause is never refused, whichever version it holds",
    async (strategy) => {
      const world = await arrangeLogins(server, { strategy });
      const { rotate } = acting(world);
      let isOn = true;
      let held = world.current.reveal();
      const outcome = { served: 0, failed: 0 };
      const workload = async (): Promise<void> => {
        while (isOn) {
          const session = await sessionOf(held).catch(() => undefined);
          const answered = session !== undefined && (await session.alive());
          outcome[answered ? "served" : "failed"] += 1;
          session?.end();
        }
      };
      const running = [workload(), workload()];
      let current = world.current;
      for (let turn = 0; turn < 5; turn++) {
        const next = await rotate(current);
        // It reads the secret again a little later: until then it goes on with the version before.
        await realClock.sleep(30);
        held = next.reveal();
        await realClock.sleep(30);
        current = next;
      }
      isOn = false;
      await Promise.all(running);
      expect(outcome.served).toBeGreaterThan(20);
      expect(outcome.failed).toBe(0);
    },
  );

  it("writes clear text into no log of the server's, whatever it is told to write down", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, restore } = acting(world);
    const next = await rotate();
    await revoke(world.current, [next]);
    const { undo } = await revoke(next);
    await restore(next, undo);
    const log = await server.logText();
    expect(log).toContain(hashOf(next.reveal().password));
    for (const { password } of [world.current.reveal(), next.reveal()]) expect(log).not.toContain(password);
  });

  it("changes every account of the login, and nothing of it but the password", async () => {
    const world = await arrangeLogins(server, { hosts: ["%", "127.0.0.%", "10.0.0.1"] });
    const { a } = world.names;
    await server.ask(`GRANT SELECT ON shop.orders TO ${a}@'10.0.0.1' REQUIRE SSL WITH MAX_USER_CONNECTIONS 7`);
    const { rotate, revoke, verify } = acting(world);
    const next = await rotate();
    await verify(next);
    const hashes = await server.ask(`SELECT Host, Priv FROM mysql.global_priv WHERE User = '${a}'`);
    expect(hashes.filter(({ Priv }) => JSON.stringify(Priv).includes(hashOf(next.reveal().password)))).toHaveLength(3);
    const [grants] = await server.ask(`SHOW GRANTS FOR ${a}@'10.0.0.1'`);
    expect(Object.values(grants ?? {})[0]).toMatch(/REQUIRE SSL WITH MAX_USER_CONNECTIONS 7/);
    expect(await server.ask(`SHOW GRANTS FOR ${a}@'10.0.0.1'`)).toHaveLength(2);
    await revoke(next);
    const locked = await server.ask(
      `SELECT Host FROM mysql.global_priv WHERE User = '${a}' AND JSON_VALUE(Priv, '$.account_locked')`,
    );
    expect(locked).toHaveLength(3);
  });

  it("changes the one account that rekey:userHost names", async () => {
    const world = await arrangeLogins(server, { hosts: ["127.0.0.1", "10.0.0.1"], tags: { userHost: "127.0.0.1" } });
    const next = await acting(world).rotate();
    await acting(world).verify(next);
    const [other] = await server.ask(
      `SELECT Priv FROM mysql.global_priv WHERE User = '${world.names.a}' AND Host = '10.0.0.1'`,
    );
    expect(JSON.stringify(other?.["Priv"])).toContain(hashOf(world.current.reveal().password));
    expect(JSON.stringify(other?.["Priv"])).not.toContain(hashOf(next.reveal().password));
  });

  it("keeps two passwords at most, the next and the current version's", async () => {
    const world = await arrangeLogins(server);
    const { rotate, verify } = acting(world);
    const second = await rotate();
    const third = await rotate(second);
    await verify(third);
    await verify(second);
    await expect(verify(world.current)).rejects.toBeInstanceOf(Unusable);
  });

  it("does not let in again the version that a containment ended, when it issues the next", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, verify } = acting(world);
    await revoke();
    const next = await rotate();
    await verify(next);
    await expect(verify(world.current)).rejects.toBeInstanceOf(Unusable);
  });

  it("rotating another login leaves a lock where it is", async () => {
    const [locked, other] = [await arrangeLogins(server), await arrangeLogins(server, { strategy: "alternating" })];
    await acting(locked).revoke();
    await acting(other).rotate();
    await expect(acting(locked).verify()).rejects.toBeInstanceOf(Unusable);
    await acting(other).revoke();
    const [row] = await server.ask(
      `SELECT JSON_VALUE(Priv, '$.account_locked') AS locked FROM mysql.global_priv WHERE User = '${other.names.b}'`,
    );
    expect(row?.["locked"]).not.toBe("1");
  });

  it("single: a session of the version before ends, however busy, and one begun since lives", async () => {
    const world = await arrangeLogins(server, { strategy: "single" });
    const { rotate, revoke } = acting(world);
    const [busy, idle] = [await sessionOf(world.current.reveal()), await sessionOf(world.current.reveal())];
    const next = await rotate();
    const since = realClock.now();
    const fresh = await sessionOf(next.reveal());
    await busy.alive();
    const { sessionsEnded } = await revoke(world.current, [next], since);
    expect([await busy.alive(), await idle.alive(), await fresh.alive(), sessionsEnded]).toEqual([
      false,
      false,
      true,
      2,
    ]);
    fresh.end();
  });

  it("overlap: retiring the previous version does not interrupt what began with the next one", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, verify } = acting(world);
    const before = await sessionOf(world.current.reveal());
    const next = await rotate();
    const since = realClock.now();
    const after = await sessionOf(next.reveal());
    await revoke(world.current, [next], since);
    expect([await before.alive(), await after.alive()]).toEqual([false, true]);
    await expect(verify()).rejects.toBeInstanceOf(Unusable);
    await revoke(world.current, [next]);
    expect(await after.alive()).toBe(false);
  });

  it("ends all sessions of a shared login where nothing tells the old from the new", async () => {
    const world = await arrangeLogins(server, { strategy: "single" });
    const { rotate, revoke } = acting(world);
    const next = await rotate();
    await server.ask(`ALTER USER ${world.names.a}@'%' IDENTIFIED BY PASSWORD '${hashOf(next.reveal().password)}'`);
    const session = await sessionOf(next.reveal());
    await revoke(world.current, [next], realClock.now());
    expect(await session.alive()).toBe(false);
  });

  it("refuses to revoke the version in force where the one to keep was never installed", async () => {
    const world = await arrangeLogins(server);
    const { issue, revoke, verify } = acting(world);
    const next = await issue();
    expect(await failing(revoke(world.current, [next]))).toBeInstanceOf(Conflict);
    await verify();
  });

  it("finishes what a crash between its statements left", async () => {
    const world = await arrangeLogins(server);
    const { issue, install, verify, revoke } = acting(world);
    const next = await issue();
    const mark = markHash({ cause: "installed", at: 0, connection: 0, nonce: "00000000" });
    const [to, from] = [next, world.current].map((one) => hashOf(one.reveal().password));
    const ways = [to, from, mark].map((hash) => `mysql_native_password USING '${hash}'`).join(" OR ");
    await server.ask(`ALTER USER ${world.names.a}@'%' IDENTIFIED VIA ${ways}`);
    await install(next);
    await verify(next);
    await verify();
    await revoke(world.current, [next]);
    await expect(verify()).rejects.toBeInstanceOf(Unusable);
    await verify(next);
  });
});
