import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { holdHandshake } from "../support/mariadb-handshake.ts";
import { arrangeLogins, sessionOf } from "../support/mariadb-logins.ts";

/** What the table in docs/explanation/mysql.md says of each statement: why the rotator does more than one of them. */
const table: readonly (readonly [name: string, sql: (account: string) => string, truth: readonly string[]])[] = [
  ["a new password", (account) => `ALTER USER ${account} IDENTIFIED BY 'another'`, ["lives", "1045", "in", "1045"]],
  ["ACCOUNT LOCK", (account) => `ALTER USER ${account} ACCOUNT LOCK`, ["lives", "4151", "in", "4151"]],
  ["REVOKE ALL", (account) => `REVOKE ALL, GRANT OPTION FROM ${account}`, ["lives", "in", "in", "in"]],
  ["dropping the user", (account) => `DROP USER ${account}`, ["lives", "1045", "in", "1045"]],
  ["KILL USER alone", (account) => `KILL USER ${account.split("@")[0]}`, ["ends", "in", "closed", "in"]],
];

describe.skipIf(!hasMariadb)(`what survives on ${mariadbName}`, () => {
  let server: TestMariadb;
  beforeAll(async () => {
    server = await testMariadb({ port: 5711, settings: ["--performance-schema=ON"] });
    await server.ask("CREATE DATABASE shop");
  }, 60_000);
  afterAll(() => server?.stop());

  it.each(table)("%s", async (_, sql, truth) => {
    const { current, names } = await arrangeLogins(server, { strategy: "single" });
    const material = current.reveal();
    const session = await sessionOf(material);
    const [greeted, named] = [await holdHandshake(material, "greeting"), await holdHandshake(material, "named")];
    await server.ask(sql(`${names.a}@'%'`));
    await wait(20);
    const open = (await session.alive()) ? "lives" : "ends";
    const seen = [open, await greeted.finish(), await named.finish()];
    const late = await holdHandshake(material, "greeting");
    seen.push(await late.finish());
    for (const held of [greeted, named, late]) held.drop();
    session.end();
    expect(seen).toEqual(truth);
  });

  it("a right that is revoked is refused to an open session at its next statement", async () => {
    const { current, names } = await arrangeLogins(server, { strategy: "single" });
    await server.ask("CREATE TABLE IF NOT EXISTS shop.orders (id int)");
    await server.ask(`GRANT SELECT ON shop.orders TO ${names.a}@'%'`);
    const session = await sessionOf(current.reveal());
    expect(await session.query("SELECT * FROM shop.orders")).toEqual([]);
    await server.ask(`REVOKE ALL, GRANT OPTION FROM ${names.a}@'%'`);
    await expect(session.query("SELECT * FROM shop.orders")).rejects.toMatchObject({ errno: 1142 });
    session.end();
  });

  it("connect_timeout bounds each wait, not the handshake: bytes that drip keep it open past it", async () => {
    const { current } = await arrangeLogins(server, { strategy: "single" });
    await server.ask("SET GLOBAL connect_timeout = 2");
    try {
      const [idle, dripping] = [
        await holdHandshake(current.reveal(), "named"),
        await holdHandshake(current.reveal(), "named"),
      ];
      const verdict = dripping.drip(1_200, 4);
      await wait(3_000);
      expect([await idle.finish(), await verdict]).toEqual(["closed", "in"]);
      dripping.drop();
    } finally {
      await server.ask("SET GLOBAL connect_timeout = 10");
    }
  }, 20_000);

  it("the list of processes names a session inside another definer's routine by that definer; KILL USER misses it", async () => {
    const { current, names } = await arrangeLogins(server, { strategy: "single" });
    const definer = `definer_${names.a}`;
    await server.ask(`CREATE USER ${definer}@'%' IDENTIFIED BY 'x'`);
    await server.ask(
      `CREATE DEFINER=${definer}@'%' PROCEDURE shop.${definer}() SQL SECURITY DEFINER BEGIN DO SLEEP(1.5); END`,
    );
    await server.ask(`GRANT EXECUTE ON shop.* TO ${names.a}@'%'`);
    await server.ask(`GRANT EXECUTE ON shop.* TO ${definer}@'%'`);
    const session = await sessionOf(current.reveal());
    const running = session.query(`CALL shop.${definer}()`).then(
      () => "ran to its end",
      () => "ended",
    );
    await wait(200);
    const listed = await server.ask(`SELECT USER AS who FROM information_schema.PROCESSLIST WHERE ID = ${session.id}`);
    const kept = await server.ask(
      `SELECT PROCESSLIST_USER AS who FROM performance_schema.threads WHERE PROCESSLIST_ID = ${session.id}`,
    );
    await server.ask(`KILL USER ${names.a}`);
    expect([listed, kept]).toEqual([[{ who: definer }], [{ who: names.a }]]);
    expect(await running).toBe("ran to its end");
    session.end();
  });

  it("the server numbers connections as they come, and tells the newest number", async () => {
    const [before] = await server.ask(
      "SELECT VARIABLE_VALUE AS newest FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'CONNECTIONS'",
    );
    const { current } = await arrangeLogins(server, { strategy: "single" });
    const session = await sessionOf(current.reveal());
    expect(session.id).toBe(Number(before?.["newest"]) + 1);
    session.end();
  });
});
