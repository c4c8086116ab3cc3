import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Conflict, Misconfigured } from "../../lib/core/errors.ts";
import type { Instant, Undo } from "../../lib/core/types.ts";
import { must } from "../contract/rotator-act.ts";
import { realClock } from "../support/clock.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { acting, failing } from "../support/mariadb-acting.ts";
import { holdHandshake } from "../support/mariadb-handshake.ts";
import { type Arranged, arrangeLogins, sessionOf } from "../support/mariadb-logins.ts";
import { hasMysql, mysqlName, testMysql } from "../support/mysql.ts";
import { holdOnMysql } from "../support/mysql-handshake.ts";

const DENIED = { errno: 1142 };
let made = 0;

/** A database of the owner's with a table, as docs/how-to/narrow-a-credential.md has it. */
const arrange = async (server: TestMariadb, choice: Parameters<typeof arrangeLogins>[1] = {}) => {
  const n = ++made;
  const [owner, reader, database] = [`own_${n}`, `read_${n}`, `stock_${n}`];
  const world = await arrangeLogins(server, { ...choice, tags: { owner, reader } });
  const logins = choice.strategy === "alternating" ? [world.names.a, world.names.b] : [world.names.a];
  const statements = [
    `CREATE DATABASE ${database}`,
    `CREATE TABLE ${database}.item (id int)`,
    `CREATE ROLE ${owner}`,
    `CREATE ROLE ${reader}`,
    `GRANT ALL ON ${database}.* TO ${owner}`,
    `GRANT SELECT ON ${database}.* TO ${reader}`,
    `GRANT ${owner} TO ${world.names.rotator} WITH ADMIN OPTION`,
    `GRANT ${owner} TO ${reader}`,
    ...logins.flatMap((login) => [
      `GRANT ${reader} TO ${login}`,
      `SET DEFAULT ROLE ${reader} ${server.kind === "MySQL" ? "TO" : "FOR"} ${login}`,
    ]),
  ];
  for (const sql of statements) await server.ask(sql);
  const open = (database_: string | undefined = database, login: string = world.names.a) =>
    sessionOf({ ...world.current.reveal(), username: login, ...(database_ && { dbname: database_ }) });
  const write = async (login?: string) => {
    const session = await open(database, login);
    return session.query(`INSERT INTO item VALUES (1)`).finally(session.end);
  };
  return { ...world, owner, reader, database, open, write };
};

const verbsOf = (world: Arranged) => {
  const verbs = world.rotator.connect(world.deps);
  const attempt = { target: world.target, material: world.current, signal: AbortSignal.timeout(20_000) };
  return {
    narrow: async (begunBefore?: Instant) => {
      const request = { ...attempt, scope: "read-only", ...(begunBefore && { begunBefore }) } as const;
      const undo = await must(verbs.scope, "scope")(request);
      return { undo, ...(await must(verbs.rescope, "rescope")(request)) };
    },
    rescope: (begunBefore: Instant) => must(verbs.rescope, "rescope")({ ...attempt, scope: "read-only", begunBefore }),
    widen: (undo: Undo) => must(verbs.widen, "widen")({ ...attempt, undo: JSON.parse(JSON.stringify(undo)) }),
  };
};

const servers = [
  { name: mariadbName, has: hasMariadb, port: 5724, start: testMariadb, hold: holdHandshake },
  { name: mysqlName, has: hasMysql, port: 5725, start: testMysql, hold: holdOnMysql },
];

describe.each(servers)("a login made read-only on $name", ({ has, port, start, hold }) => {
  let server: TestMariadb;
  beforeAll(async () => {
    if (has) server = await start({ port });
  }, 400_000);
  afterAll(() => server?.stop());

  it.skipIf(!has)("reads and does not write; what had chosen its database, and went on writing, is ended", async () => {
    const world = await arrange(server);
    const before = await world.open();
    await before.query("INSERT INTO item VALUES (1)");
    const { sessionsEnded } = await verbsOf(world).narrow();
    expect(sessionsEnded).toBe(1);
    expect(await before.alive()).toBe(false);
    const after = await world.open();
    expect(await after.query("SELECT count(*) AS n FROM item")).toMatchObject([{ n: 1 }]);
    await expect(after.query("INSERT INTO item VALUES (2)")).rejects.toMatchObject(DENIED);
    await expect(after.query(`SET ROLE ${world.owner}`)).rejects.toMatchObject({ errno: expect.any(Number) });
    after.end();
    await acting(world).verify();
  });

  it.skipIf(!has)(
    "by taking the role away alone a session that had chosen its database would go on writing",
    async () => {
      const world = await arrange(server);
      const session = await world.open();
      await session.query("INSERT INTO item VALUES (1)");
      await server.ask(`REVOKE ${world.owner} FROM ${world.reader}`);
      await session.query("INSERT INTO item VALUES (2)");
      session.end();
    },
  );

  it.skipIf(!has).each(["greeting", "named"] as const)(
    "no handshake held open (%s) comes alive wider",
    async (stage) => {
      const world = await arrange(server);
      const material = { ...world.current.reveal() };
      const held = await hold(material, stage);
      await verbsOf(world).narrow();
      const verdict = await held.finish();
      const wrote = verdict === "in" ? await held.tell(`INSERT INTO ${world.database}.item VALUES (3)`) : verdict;
      expect(["closed", "1142"]).toContain(wrote);
      held.drop();
    },
  );

  it.skipIf(!has)("is narrowed once however often it is told, and spares what began narrow", async () => {
    const world = await arrange(server, { strategy: "alternating" });
    const { narrow, rescope, widen } = verbsOf(world);
    const first = await narrow();
    const after = await world.open();
    expect(await rescope(realClock.now())).toMatchObject({ sessionsEnded: 0 });
    expect(await after.alive()).toBe(true);
    after.end();
    await widen(first.undo);
    await world.write();
  });

  it.skipIf(!has)("is narrowed again where somebody had given it back, and its sessions are ended again", async () => {
    const world = await arrange(server);
    const { narrow, rescope } = verbsOf(world);
    await narrow();
    await server.ask(`GRANT ${world.owner} TO ${world.reader}`);
    const wide = await world.open();
    await wide.query("INSERT INTO item VALUES (1)");
    expect(await rescope(realClock.now())).toMatchObject({ sessionsEnded: 1 });
    expect(await wide.alive()).toBe(false);
    await expect(world.write()).rejects.toMatchObject(DENIED);
  });

  it.skipIf(!has)("gets back what it had, twice is once, and what was narrow before stays so", async () => {
    const world = await arrange(server);
    const { narrow, widen } = verbsOf(world);
    const { undo } = await narrow();
    const again = await narrow();
    await widen(again.undo);
    await expect(world.write()).rejects.toMatchObject(DENIED);
    await widen(undo);
    await widen(undo);
    await world.write();
  });

  it.skipIf(!has)("rotates while it is narrow, and stays narrow", async () => {
    const world = await arrange(server);
    await verbsOf(world).narrow();
    const next = await acting(world).rotate();
    const session = await sessionOf({ ...next.reveal(), dbname: world.database });
    await expect(session.query("INSERT INTO item VALUES (1)")).rejects.toMatchObject(DENIED);
    session.end();
  });

  it.skipIf(!has)("is left alone when somebody has changed what it acts as", async () => {
    const world = await arrange(server);
    const { narrow, widen } = verbsOf(world);
    const { undo } = await narrow();
    await server.ask(`SET DEFAULT ROLE NONE ${server.kind === "MySQL" ? "TO" : "FOR"} ${world.names.a}`);
    expect(await failing(widen(undo))).toBeInstanceOf(Conflict);
  });

  it.skipIf(!has).each([
    ["rights of its own", "GRANT INSERT ON $db.* TO $login", /rights of its own \(INSERT\)/],
    ["the owner by itself", "GRANT $owner TO $login", /has own_\d+ as well.*REVOKE `own_/],
    ["another default role", "SET DEFAULT ROLE NONE $to $login", /does not act as read_\d+.*SET DEFAULT ROLE/],
    [
      "a rotator without the right",
      "REVOKE $owner FROM $rotator",
      /GRANT `own_\d+` TO `rekey_rot\d+` WITH ADMIN OPTION/,
    ],
  ])("with %s: the mend is said, and the workload goes on writing", async (_, sql, told) => {
    const world = await arrange(server);
    const filled = sql
      .replace("$db", world.database)
      .replace("$owner", world.owner)
      .replace("$login", world.names.a)
      .replace("$rotator", world.names.rotator)
      .replace("$to", server.kind === "MySQL" ? "TO" : "FOR");
    await server.ask(filled);
    const error = await failing(verbsOf(world).narrow());
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toMatch(told);
    if (!sql.startsWith("SET")) await world.write();
  });
});
