import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { identifier } from "../../lib/rotators/postgres/quote.ts";
import { holdHandshake } from "../../local/held-handshake.ts";
import { type Arranged, arrangeLogins, sessionOf, type TestServer, testServer } from "../support/postgres.ts";

const OLDEST = "/usr/lib/postgresql/15/bin";
const servers = [
  { name: "PostgreSQL 18", port: 5690 },
  ...(existsSync(OLDEST) ? [{ name: "PostgreSQL 15", port: 5691, bin: OLDEST }] : []),
];

const TERMINATE = "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE usename =";

/** What the table in docs/explanation/postgres.md says of each statement: why the rotator does more than one of them. */
const table: readonly (readonly [name: string, sql: (login: string) => string, truth: readonly string[]])[] = [
  ["a new password", (login) => `ALTER ROLE ${identifier(login)} PASSWORD 'another'`, ["lives", "in", "28P01"]],
  ["an expiry", (login) => `ALTER ROLE ${identifier(login)} VALID UNTIL '2001-01-01'`, ["lives", "in", "28P01"]],
  ["terminating alone", (login) => `${TERMINATE} '${login}'`, ["ends", "in", "in"]],
  ["NOLOGIN", (login) => `ALTER ROLE ${identifier(login)} NOLOGIN`, ["lives", "28000", "28000"]],
  ["dropping the role", (login) => `DROP ROLE ${identifier(login)}`, ["lives", "28000", "28P01"]],
];

const loginNow = async ({ current }: Arranged): Promise<string> => {
  const late = await holdHandshake(current.reveal());
  const verdict = await late.finish();
  late.drop();
  return verdict;
};

describe.each(servers)("what survives on $name", (setup) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer(setup);
  }, 30_000);
  afterAll(() => server.stop());

  it.each(table)("%s", async (_, sql, truth) => {
    const world = await arrangeLogins(server, { strategy: "single" });
    const [session, held] = await Promise.all([
      sessionOf(world.current.reveal()),
      holdHandshake(world.current.reveal()),
    ]);
    await world.ask(sql(world.names.a));
    const open = (await session.alive()) ? "lives" : "ends";
    const seen = [open, await held.finish(), await loginNow(world)];
    held.drop();
    await session.end();
    expect(seen).toEqual(truth);
  });
});
