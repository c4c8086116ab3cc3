import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secretsIn } from "../../lib/core/sanitize.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { acting } from "../support/mariadb-acting.ts";
import { arrangeLogins, type Choice } from "../support/mariadb-logins.ts";
import { hasMysql, mysqlName, testMysql } from "../support/mysql.ts";

const servers = [
  { name: mariadbName, isThere: hasMariadb, start: () => testMariadb({ port: 5722 }), to: "FOR" },
  { name: mysqlName, isThere: hasMysql, start: () => testMysql({ port: 5723 }), to: "TO" },
];

describe.each(servers)("logins that take turns on $name", ({ isThere, start, to }) => {
  if (!isThere) return it.skip("is not installed", () => undefined);
  let server: TestMariadb;
  beforeAll(async () => {
    server = await start();
    await server.ask("CREATE DATABASE stock");
    await server.ask("CREATE TABLE stock.item (id int, price int)");
    await server.ask("CREATE ROLE picker");
  }, 400_000);
  afterAll(() => server?.stop());

  const arranged = async (choice: Choice = {}) => {
    const world = await arrangeLogins(server, { strategy: "alternating", ...choice });
    const { a, b, rotator } = world.names;
    await server.ask(`GRANT SELECT ON mysql.* TO ${rotator}@'%'`);
    const named = (sql: string) => sql.replaceAll("$a", `${a}@'%'`).replaceAll("$b", `${b}@'%'`);
    const run = async (...statements: readonly string[]) => {
      for (const sql of statements) await server.ask(named(sql));
    };
    const drift = async () => (await acting(world).inspect())?.find(({ check }) => check.startsWith("drift"));
    return { ...world, run, drift };
  };

  it("are alike when they are, whatever their passwords and their turn", async () => {
    const world = await arranged();
    await world.run("GRANT SELECT ON stock.* TO $a", "GRANT SELECT ON stock.* TO $b");
    expect(await world.drift()).toMatchObject({ verdict: "well" });
    await acting(world).rotate();
    expect(await world.drift()).toMatchObject({ verdict: "well" });
  });

  it.each([
    ["a right on a database", "GRANT SELECT, INSERT ON stock.* TO $a", "INSERT ON `stock`.*"],
    ["a right on a column", "GRANT SELECT (price) ON stock.item TO $b", "(`price`)"],
    ["a right on everything", "GRANT PROCESS ON *.* TO $a", "PROCESS ON *.*"],
    ["that it may grant on", "GRANT SELECT ON stock.* TO $b WITH GRANT OPTION", "WITH GRANT OPTION"],
    ["a role", "GRANT picker TO $a", "picker"],
    ["a limit", "ALTER USER $b WITH MAX_QUERIES_PER_HOUR 9", "MAX_QUERIES_PER_HOUR 9"],
    ["a demand for TLS", "ALTER USER $a REQUIRE SSL", "SSL"],
  ])("differ in %s, and the statement that is told mends it", async (_, change, word) => {
    const world = await arranged();
    await world.run(change);
    const found = await world.drift();
    expect(found).toMatchObject({ verdict: "ill" });
    expect(found?.found).toContain(word);
    for (const statement of (found?.mend ?? "").split("run there: ")[1]?.split(/(?<=;) /) ?? [])
      await server.ask(statement);
    expect(await world.drift()).toMatchObject({ verdict: "well" });
  });

  it("differ in the role that they begin with", async () => {
    const world = await arranged();
    await world.run("GRANT picker TO $a", "GRANT picker TO $b", `SET DEFAULT ROLE picker ${to} $b`);
    const found = await world.drift();
    expect(found?.mend).toMatch(/SET DEFAULT ROLE .*picker/);
    for (const statement of (found?.mend ?? "").split("run there: ")[1]?.split(/(?<=;) /) ?? [])
      await server.ask(statement);
    expect(await world.drift()).toMatchObject({ verdict: "well" });
  });

  it("differ where one has an account for a host and the other has not", async () => {
    const world = await arranged();
    await server.ask(`CREATE USER ${world.names.a}@'10.%' ACCOUNT LOCK`);
    await server.ask(`ALTER USER ${world.names.a}@'10.%' ACCOUNT UNLOCK`);
    const found = await world.drift();
    expect(found).toMatchObject({
      verdict: "ill",
      mend: expect.stringContaining(`${"`"}${world.names.b}${"`"}@${"`"}10.%${"`"}`),
    });
  });

  it("are told without any hash or password", async () => {
    const world = await arranged();
    await world.run("ALTER USER $a REQUIRE SSL", "GRANT PROCESS ON *.* TO $a");
    const text = JSON.stringify(await world.drift());
    for (const value of secretsIn(world.current.reveal())) expect(text).not.toContain(value);
    expect(text).not.toMatch(/IDENTIFIED|\*[0-9A-F]{40}|\$A\$/);
  });

  it("are not compared by an account that may not see them: said, with what would let it", async () => {
    const world = await arrangeLogins(server, { strategy: "alternating" });
    const found = (await acting(world).inspect())?.find(({ check }) => check.startsWith("drift"));
    expect(found).toMatchObject({ verdict: "unknown", mend: expect.stringContaining("GRANT SELECT ON mysql.*") });
  });
});
