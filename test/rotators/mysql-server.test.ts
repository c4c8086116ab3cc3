import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Misconfigured, Unusable } from "../../lib/core/errors.ts";
import { isHashOf } from "../../lib/rotators/mysql/sha-crypt.ts";
import type { TestMariadb } from "../support/mariadb.ts";
import { acting, failing } from "../support/mariadb-acting.ts";
import { arrangeLogins, sessionOf } from "../support/mariadb-logins.ts";
import { storm } from "../support/mariadb-storm.ts";
import { hasMysql, mysqlName, testMysql } from "../support/mysql.ts";
import { holdOnMysql } from "../support/mysql-handshake.ts";

/** What the table of MySQL in docs/explanation/mysql.md says of each statement. */
const table: readonly (readonly [name: string, sql: (account: string) => string, truth: readonly string[]])[] = [
  ["a new password", (account) => `ALTER USER ${account} IDENTIFIED BY 'another'`, ["lives", "1045", "in", "in"]],
  ["ACCOUNT LOCK", (account) => `ALTER USER ${account} ACCOUNT LOCK`, ["lives", "3118", "in", "3118"]],
  ["REVOKE ALL", (account) => `REVOKE ALL, GRANT OPTION FROM ${account}`, ["lives", "in", "in", "in"]],
  ["dropping the user", (account) => `DROP USER ${account}`, ["lives", "1045", "in", "1045"]],
];

describe.skipIf(!hasMysql)(`what survives on ${mysqlName}`, () => {
  let server: TestMariadb;
  beforeAll(async () => {
    server = await testMysql({ port: 5718 });
  }, 400_000);
  afterAll(() => server?.stop());

  it.each(table)("%s", async (_, sql, truth) => {
    const { current, names } = await arrangeLogins(server, { strategy: "single" });
    const material = current.reveal();
    const session = await sessionOf(material);
    const [greeted, named] = [await holdOnMysql(material, "greeting"), await holdOnMysql(material, "named")];
    await server.ask(sql(`${names.a}@'%'`));
    await wait(20);
    const open = (await session.alive()) ? "lives" : "ends";
    const seen = [open, await greeted.finish(), await named.finish()];
    const late = await holdOnMysql(material, "greeting");
    seen.push(await late.finish());
    for (const held of [greeted, named, late]) held.drop();
    session.end();
    expect(seen).toEqual(truth);
  });

  it.each(["greeting", "named"] as const)(
    "a handshake held open (%s) does not get in after a revoke",
    async (stage) => {
      const world = await arrangeLogins(server);
      const held = await holdOnMysql(world.current.reveal(), stage);
      await acting(world).revoke();
      expect(await held.finish()).toBe("closed");
    },
  );

  it("a password that a held handshake brought back into the server's cache is dead after a revoke", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, verify } = acting(world);
    const held = await holdOnMysql(world.current.reveal(), "named");
    const next = await rotate();
    // As a revoke that died after its first statement.
    await server.ask(`ALTER USER ${world.names.a}@'%' DISCARD OLD PASSWORD`);
    await expect(verify(world.current)).rejects.toBeInstanceOf(Unusable);
    expect(await held.finish()).toBe("in");
    await verify(world.current);
    await revoke(world.current, [next]);
    await expect(verify(world.current)).rejects.toBeInstanceOf(Unusable);
    await verify(next);
  });

  it("a client of another login that begins after the revoke is not disturbed", async () => {
    const [world, other] = [await arrangeLogins(server), await arrangeLogins(server)];
    let isOn = true;
    const outcome = { served: 0, failed: 0 };
    const workload = async (): Promise<void> => {
      while (isOn) {
        const session = await sessionOf(other.current.reveal()).catch(() => undefined);
        outcome[session && (await session.alive()) ? "served" : "failed"] += 1;
        session?.end();
      }
    };
    const running = workload();
    await wait(50);
    await acting(world).revoke();
    await wait(50);
    isOn = false;
    await running;
    // One at a time is in its handshake, and the one of the revoke's own instant may be asked to come again.
    expect(outcome.failed).toBeLessThanOrEqual(1);
    expect(outcome.served).toBeGreaterThan(10);
  });

  it.each(Array.from({ length: 10 }, (_, run) => run + 1))("no session is left of a storm, run %i", async () => {
    const world = await arrangeLogins(server);
    const attack = storm(world.current.reveal());
    while (attack.holds() < 6) await wait(2);
    await acting(world).revoke();
    await wait(60);
    expect(await attack.survivors()).toBe(0);
  });

  it("nor of a login that the replacement shares", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, verify } = acting(world);
    const attack = storm(world.current.reveal());
    while (attack.holds() < 6) await wait(2);
    const next = await rotate();
    await revoke(world.current, [next]);
    await wait(60);
    expect(await attack.survivors()).toBe(0);
    await verify(next);
  });
});

describe.skipIf(!hasMysql)(`two passwords on ${mysqlName}`, () => {
  let server: TestMariadb;
  beforeAll(async () => {
    server = await testMysql({
      port: 5719,
      settings: ["--slow-query-log=1", "--long-query-time=0", "--log-output=FILE"],
    });
  }, 400_000);
  afterAll(() => server?.stop());

  it("both log in after a rotation, and the third one takes the oldest one's place", async () => {
    const world = await arrangeLogins(server);
    const { rotate, verify } = acting(world);
    const second = await rotate();
    for (const one of [world.current, second]) await verify(one);
    const third = await rotate(second);
    for (const one of [second, third]) await verify(one);
    await expect(verify(world.current)).rejects.toBeInstanceOf(Unusable);
  });

  it("what a dead attempt left goes, and the current one stays", async () => {
    const world = await arrangeLogins(server);
    const { issue, install, verify } = acting(world);
    const dead = await issue();
    await install(dead);
    const next = await issue();
    await install(next);
    for (const one of [world.current, next]) await verify(one);
    await expect(verify(dead)).rejects.toBeInstanceOf(Unusable);
  });

  it("the newer one dies alone where the older one must go on, and comes back", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, restore, verify } = acting(world);
    const next = await rotate();
    const { undo } = await revoke(next, [world.current]);
    await expect(verify(next)).rejects.toBeInstanceOf(Unusable);
    await verify(world.current);
    await restore(next, undo);
    for (const one of [world.current, next]) await verify(one);
  });

  it("a locked login holds no password that a hand could unlock, and comes back whole", async () => {
    const world = await arrangeLogins(server);
    const { revoke, restore, verify } = acting(world);
    const { undo } = await revoke();
    await expect(verify()).rejects.toBeInstanceOf(Unusable);
    await restore(world.current, undo);
    await verify();
    const again = await revoke();
    await server.ask(`ALTER USER ${world.names.a}@'%' ACCOUNT UNLOCK`);
    await expect(verify()).rejects.toBeInstanceOf(Unusable);
    expect(again.undo["left"]).toBe("locked");
  });

  it("other attributes and the grants of an account stay", async () => {
    const world = await arrangeLogins(server);
    const account = `${world.names.a}@'%'`;
    await server.ask(`ALTER USER ${account} ATTRIBUTE '{"team": "shop"}'`);
    await server.ask(`GRANT PROCESS ON *.* TO ${account}`);
    const grants = await server.ask(`SHOW GRANTS FOR ${account}`);
    await acting(world).rotate();
    const [row] = await server.ask(
      `SELECT ATTRIBUTE->>'$.team' AS team FROM information_schema.USER_ATTRIBUTES WHERE USER = '${world.names.a}'`,
    );
    expect(row).toEqual({ team: "shop" });
    expect(await server.ask(`SHOW GRANTS FOR ${account}`)).toEqual(grants);
  });

  it("no clear text is in the server's logs or in what its performance schema keeps of statements", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, restore } = acting(world);
    const next = await rotate();
    const { undo } = await revoke(next, [world.current]);
    await restore(next, undo);
    const history = await server.ask("SELECT SQL_TEXT FROM performance_schema.events_statements_history");
    const long = await server.ask("SELECT SQL_TEXT FROM performance_schema.events_statements_history_long");
    const told = (await server.logText()) + JSON.stringify([history, long]);
    expect(told).toContain("<secret>");
    for (const { password } of [next.reveal(), world.current.reveal()]) expect(told).not.toContain(password);
  });

  it("an administrator with SYSTEM_USER is out of the rotator's reach", async () => {
    const world = await arrangeLogins(server);
    const { host, port } = server;
    const admin = (await world.deps.readAdmin(world.target.admin ?? "")).reveal() as { password: string };
    const session = await sessionOf({ host, port, username: world.names.rotator, password: admin.password });
    await expect(session.query("ALTER USER root@'localhost' ACCOUNT LOCK")).rejects.toMatchObject({ errno: 1227 });
    session.end();
  });

  it("an account of another plugin is refused with the statement that mends it", async () => {
    const world = await arrangeLogins(server);
    await server.ask(`ALTER USER ${world.names.a}@'%' IDENTIFIED WITH sha256_password BY 'x'`);
    const error = await failing(acting(world).rotate());
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toContain("IDENTIFIED WITH caching_sha2_password BY RANDOM PASSWORD ACCOUNT LOCK");
    await server.ask(
      `ALTER USER ${world.names.a}@'%' IDENTIFIED WITH caching_sha2_password BY RANDOM PASSWORD ACCOUNT LOCK`,
    );
    await acting(world).verify(await acting(world).rotate());
  });

  it("the doctor says which server it is and what the rotator's account lacks", async () => {
    const world = await arrangeLogins(server);
    const findings = await acting(world).inspect();
    expect(findings?.map(({ verdict }) => verdict).filter((verdict) => verdict === "ill")).toEqual([]);
    expect(findings?.find(({ check }) => check === "server")?.found).toMatch(/^MySQL 9/);
    const poor = await arrangeLogins(server, { rights: (user) => [`GRANT SELECT ON mysql.user TO ${user}@'%'`] });
    const rights = (await acting(poor).inspect())?.find(({ check }) => check === "admin rights");
    expect(rights?.mend).toContain("GRANT CONNECTION_ADMIN ON *.*");
  });

  it("a stored hash is recognised, whatever the password's length, and no other", async () => {
    for (const password of ["x", "three", "p".repeat(32), "pässwörd ".repeat(9)]) {
      await server.ask("CREATE USER IF NOT EXISTS hashed@'%'");
      await server.ask(`ALTER USER hashed@'%' IDENTIFIED BY '${password}'`);
      const [row] = await server.ask("SELECT HEX(authentication_string) AS hash FROM mysql.user WHERE User = 'hashed'");
      const stored = Buffer.from(String(row?.["hash"]), "hex").toString("latin1");
      expect([isHashOf(stored, password), isHashOf(stored, `${password}x`)]).toEqual([true, false]);
    }
  });
});
