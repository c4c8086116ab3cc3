import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Conflict, Misconfigured } from "../../lib/core/errors.ts";
import type { Instant, Undo } from "../../lib/core/types.ts";
import { act, must } from "../contract/rotator-act.ts";
import { realClock } from "../support/clock.ts";
import { type Arranged, arrangeLogins, sessionOf, type TestServer, testServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: 5670 });
}, 30_000);
afterAll(() => server.stop());

const verbsOf = (world: Arranged) => {
  const verbs = world.rotator.connect(world.deps);
  const attempt = { target: world.target, material: world.current, signal: AbortSignal.timeout(20_000) };
  return {
    narrow: async (begunBefore?: Instant) => {
      const request = { ...attempt, scope: "read-only", ...(begunBefore && { begunBefore }) } as const;
      const undo = await must(verbs.scope, "scope")(request);
      return { undo, ...(await must(verbs.rescope, "rescope")(request)) };
    },
    widen: (undo: Undo) => must(verbs.widen, "widen")({ ...attempt, undo: JSON.parse(JSON.stringify(undo)) }),
  };
};

/** A table of the owner's with a row that the reader may read. */
const arrange = async () => {
  const world = await arrangeLogins(server, { reader: true });
  const { owner, reader } = world.names;
  const table = `stock_${owner}`;
  await world.ask(`CREATE TABLE ${table} (id int)`);
  await world.ask(`ALTER TABLE ${table} OWNER TO ${owner}`);
  await world.ask(`INSERT INTO ${table} VALUES (1)`);
  await world.ask(`GRANT SELECT ON ${table} TO ${reader}`);
  const as = async (login: string, sql: string) => {
    const session = await sessionOf({ ...world.current.reveal(), username: login });
    return session.query(sql).finally(session.end);
  };
  return { ...world, table, as };
};

describe("a PostgreSQL credential made read-only", () => {
  it("reads and does not write, as either login, and its wider sessions are ended", async () => {
    const world = await arrange();
    const before = await sessionOf(world.current.reveal());
    await before.query(`INSERT INTO ${world.table} VALUES (2)`);
    const { sessionsEnded, settlesInMs } = await verbsOf(world).narrow();
    expect(sessionsEnded).toBe(1);
    expect(settlesInMs).toBeGreaterThan(1_000);
    expect(await before.alive()).toBe(false);
    for (const login of [world.names.a, world.names.b]) {
      expect(await world.as(login, `SELECT count(*) FROM ${world.table}`)).toMatchObject({ rows: [{ count: "2" }] });
      await expect(world.as(login, `INSERT INTO ${world.table} VALUES (3)`)).rejects.toMatchObject({ code: "42501" });
      await expect(world.as(login, `SET ROLE ${world.names.owner}`)).rejects.toMatchObject({ code: "42501" });
      // RESET ROLE leads back to the login itself, which may read through its membership and no more.
      await expect(world.as(login, `RESET ROLE; DELETE FROM ${world.table}`)).rejects.toMatchObject({ code: "42501" });
    }
  });

  it("is narrowed once however often it is told, sparing the sessions that began narrow", async () => {
    const world = await arrange();
    const { narrow } = verbsOf(world);
    const first = await narrow();
    // The narrowing tries the login itself at its end, and the server takes a moment to see that session go.
    const logins = [world.names.a, world.names.b];
    const sessions = () => world.ask("SELECT pid FROM pg_stat_activity WHERE usename = ANY ($1)", [logins]);
    await vi.waitUntil(async () => (await sessions()).length === 0, { timeout: 10_000 });
    const narrowed = realClock.now();
    // The server counts back from when it is asked: what began just after the cut may end as well, and never the reverse.
    await realClock.sleep(2_000);
    const after = await sessionOf(world.current.reveal());
    const again = await narrow(narrowed);
    expect(again).toMatchObject({ undo: first.undo, sessionsEnded: 0 });
    expect(await after.alive()).toBe(true);
    await after.end();
  });

  it("gets back exactly what it had, and twice is once", async () => {
    const world = await arrange();
    const { narrow, widen } = verbsOf(world);
    const roles = () =>
      world.ask(
        `SELECT rolname, rolconfig, array(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid ORDER BY 1) AS of
         FROM pg_roles r WHERE rolname = ANY ($1) ORDER BY 1`,
        [[world.names.a, world.names.b]],
      );
    const before = await roles();
    const { undo } = await narrow();
    expect(await roles()).not.toEqual(before);
    await widen(undo);
    await widen(undo);
    expect(await roles()).toEqual(before);
    await world.as(world.names.b, `INSERT INTO ${world.table} VALUES (3)`);
  });

  it("rotates while it is narrow, and stays narrow", async () => {
    const world = await arrange();
    await verbsOf(world).narrow();
    const next = await act(world).rotate();
    const session = await sessionOf(next.reveal());
    await expect(session.query(`INSERT INTO ${world.table} VALUES (3)`)).rejects.toMatchObject({ code: "42501" });
    await session.end();
  });

  it("is left alone when somebody has changed it since", async () => {
    const world = await arrange();
    const { narrow, widen } = verbsOf(world);
    const { undo } = await narrow();
    await world.ask(`ALTER ROLE ${world.names.a} SET role = 'none'`);
    await expect(widen(undo)).rejects.toBeInstanceOf(Conflict);
  });

  it("is not narrowed by halves where somebody else granted the owner: the mend is said and the workload goes on", async () => {
    const world = await arrange();
    const { a, owner } = world.names;
    await world.ask(`GRANT ${owner} TO ${a}`);
    const failure = await verbsOf(world)
      .narrow()
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(failure).toBeInstanceOf(Misconfigured);
    expect(String(failure)).toContain(`REVOKE "${owner}" FROM "${a}"`);
    await world.as(a, `INSERT INTO ${world.table} VALUES (3)`);
  });

  it("says what to prepare where it has no owner or no reader", async () => {
    const world = await arrangeLogins(server, { strategy: "single" });
    await expect(verbsOf(world).narrow()).rejects.toThrow(/rekey:reader/);
  });

  it("is tried by logging in: a grant that comes back in between is found", async () => {
    const world = await arrange();
    const verbs = world.rotator.connect(world.deps);
    const { a, owner } = world.names;
    const narrowing = must(
      verbs.rescope,
      "rescope",
    )({ target: world.target, material: world.current, scope: "read-only", signal: AbortSignal.timeout(20_000) });
    const until = Date.now() + 5_000;
    for (let isNarrow = false; !isNarrow && Date.now() < until; ) {
      const [row] = await world.ask(`SELECT pg_has_role($1::name, $2::name, 'MEMBER') AS member`, [a, owner]);
      isNarrow = row?.["member"] === false;
    }
    await world.ask(`GRANT ${owner} TO ${a}`);
    await expect(narrowing).rejects.toBeInstanceOf(Conflict);
  });

  it("is prepared by the statements of the how-to", async () => {
    const world = await arrangeLogins(server, { names: { reader: "unused" } });
    const { a, b, owner = "", rotator } = world.names;
    const page = await readFile(new URL("../../docs/how-to/narrow-a-credential.md", import.meta.url), "utf8");
    const named = {
      orders_a: a,
      orders_b: b,
      orders_owner: owner,
      rekey_rotator: rotator,
      orders_reader: `of_${owner}`,
    };
    const shown = /```sql\n([^`]+)```/.exec(page)?.[1] ?? "";
    const meant = shown.replace(/"(\w+)"/g, (_, name: keyof typeof named) => `"${named[name]}"`);
    for (const statement of meant.trim().split("\n")) await world.ask(statement);
    const prepared = { ...world, target: { ...world.target, reader: named.orders_reader } };
    await verbsOf(prepared).narrow();
  });
});
