import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secret } from "../../lib/core/secret.ts";
import type { Finding } from "../../lib/core/types.ts";
import type { Material } from "../../lib/rotators/postgres/target.ts";
import rotator from "../../lib/rotators/postgres.ts";
import { hastyClock, realClock } from "../support/clock.ts";
import { type Arranged, arrangeLogins, sessionOf, type TestServer, testServer } from "../support/postgres.ts";

const OLDEST = "/usr/lib/postgresql/15/bin";
const servers = [
  { name: "PostgreSQL 18", port: 5660 },
  ...(existsSync(OLDEST) ? [{ name: "PostgreSQL 15", port: 5661, bin: OLDEST }] : []),
];
const { signal } = new AbortController();

describe.each(servers)("$name", (setup) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer(setup);
  }, 30_000);
  const sessions: { readonly end: () => Promise<void> }[] = [];
  afterAll(async () => {
    await Promise.all(sessions.map((session) => session.end()));
    await server.stop();
  });

  const arrange = (choice: Parameters<typeof arrangeLogins>[1] = {}) =>
    arrangeLogins(server, { clock: hastyClock(), ...choice });
  const logIn = async (material: Material) => {
    const session = await sessionOf(material);
    sessions.push(session);
    return session;
  };

  const verbs = ({ deps }: Arranged) => rotator.connect(deps);
  const inspect = (world: Arranged, current = world.current): Promise<readonly Finding[]> =>
    verbs(world).inspect?.({ target: world.target, current, signal }) ?? Promise.resolve([]);
  const ill = (findings: readonly Finding[]) => findings.filter(({ verdict }) => verdict === "ill");
  const only = async (world: Arranged) => {
    const [one, ...more] = ill(await inspect(world));
    expect(more).toEqual([]);
    return one;
  };

  describe("two logins that take turns", () => {
    const drifted = async (...statements: readonly string[]) => {
      const world = await arrange();
      const { logins = [], owner = "" } = world.target;
      const [a = "", b = ""] = logins;
      const named = (text: string) => text.replaceAll("$a", a).replaceAll("$b", b).replaceAll("$owner", owner);
      for (const statement of statements) await server.root.query(named(statement));
      return { world, named, found: (await inspect(world)).filter(({ check }) => /^(drift|ownership)/.test(check)) };
    };

    it("are alike as provisioned, and differ by no password", async () => {
      const { found } = await drifted("ALTER ROLE $a PASSWORD 'another'");
      expect(found).toMatchObject([{ verdict: "well", found: "alike in roles, attributes and settings" }]);
    });

    it.each([
      [
        "a role",
        "CREATE ROLE more_$a; GRANT more_$a TO $a",
        /\$a has the role more_\$a .*\$b has not/,
        /GRANT "more_\$a" TO "\$b"/,
      ],
      ["an attribute", "ALTER ROLE $b BYPASSRLS", /\$b has the attribute BYPASSRLS/, /ALTER ROLE "\$a" BYPASSRLS/],
      ["a limit", "ALTER ROLE $a CONNECTION LIMIT 5", /CONNECTION LIMIT 5/, /ALTER ROLE "\$b" CONNECTION LIMIT 5/],
      ["a setting", "ALTER ROLE $a SET work_mem = '7MB'", /work_mem=7MB/, /ALTER ROLE "\$b" SET work_mem = '7MB'/],
    ] as const)(
      "that differ in %s are told apart, with the statement that mends it",
      async (_, change, found, mend) => {
        const { world, named, found: all } = await drifted(change);
        const [one, ...more] = all;
        expect(more).toEqual([]);
        expect(one?.verdict).toBe("ill");
        const unescaped = (text: RegExp) => new RegExp(named(text.source.replaceAll("\\$", "$")));
        expect(one?.found).toMatch(unescaped(found));
        expect(one?.mend).toMatch(unescaped(mend));
        const statement = /run there: (.*)$/.exec(one?.mend ?? "")?.[1] ?? "";
        await server.root.query(statement);
        expect((await inspect(world)).find(({ check }) => check.startsWith("drift"))?.verdict).toBe("well");
      },
    );

    it("and one of which owns a table are told, with what hands it over", async () => {
      const { world, found } = await drifted("CREATE TABLE owned_by_$a (n int)", "ALTER TABLE owned_by_$a OWNER TO $a");
      const own = found.find(({ check }) => check.startsWith("ownership"));
      expect(own).toMatchObject({
        verdict: "ill",
        found: expect.stringMatching(/owns objects itself \(postgres: 1\)/),
      });
      await server.root.query(/run: (.*)$/.exec(own?.mend ?? "")?.[1] ?? "");
      expect(ill(await inspect(world))).toEqual([]);
    });
  });

  describe("who uses a login", () => {
    it("is told by application and address with counts and ages, whatever role the session took", async () => {
      const world = await arrange({ clock: realClock });
      const before = realClock.now();
      await logIn(world.current.reveal());
      const second = await logIn(world.current.reveal());
      await second.query("SET application_name = 'batch'");
      const use = await verbs(world).uses?.({ target: world.target, material: world.current, signal });
      expect(use?.sessions).toBe(2);
      expect(use?.by.map(({ who, count }) => [who, count]).sort()).toEqual([
        ["batch@127.0.0.1", 1],
        ["no application_name@127.0.0.1", 1],
      ]);
      for (const { firstAt = before, lastAt = before } of use?.by ?? []) {
        expect(Math.abs(realClock.between(before, firstAt))).toBeLessThan(5_000);
        expect(realClock.between(firstAt, lastAt)).toBeGreaterThanOrEqual(0);
      }
      const idle = secret<Material>({ ...world.current.reveal(), username: world.names.b });
      expect((await verbs(world).uses?.({ target: world.target, material: idle, signal }))?.sessions).toBe(0);
    });

    it("is counted, not shown, where pg_read_all_stats is missing", async () => {
      const world = await arrange();
      await logIn(world.current.reveal());
      await world.ask(`REVOKE pg_read_all_stats FROM ${world.names.rotator}`);
      const use = await verbs(world).uses?.({ target: world.target, material: world.current, signal });
      expect(use).toEqual({ sessions: 1, by: [{ who: "not shown to the rotator's role", count: 1 }] });
    });
  });

  describe("inspect", () => {
    it.each(["alternating", "single"] as const)(
      "finds nothing ill as provisioned, %s, and changes nothing",
      async (strategy) => {
        const world = await arrange({ strategy });
        const roles = () => world.ask("SELECT * FROM pg_authid ORDER BY oid");
        const before = await roles();
        const findings = await inspect(world);
        expect(ill(findings)).toEqual([]);
        expect(findings.map(({ check }) => check)).toContain("admin rights");
        expect(await roles()).toEqual(before);
      },
    );

    it("names each right that is missing, with the statement that gives it, which then helps", async () => {
      const world = await arrange();
      await world.ask(`REVOKE pg_signal_backend, pg_read_all_stats FROM ${world.names.rotator}`);
      await world.ask(`ALTER ROLE ${world.names.rotator} NOCREATEROLE`);
      const found = await only(world);
      expect(found?.check).toBe("admin rights");
      const statements = found?.mend?.match(/(ALTER|GRANT) [^;]+;/g) ?? [];
      expect(statements).toHaveLength(3);
      for (const statement of statements) await world.ask(statement);
      expect(ill(await inspect(world))).toEqual([]);
    });

    it("asks for the ADMIN option where the server's version asks for it", async () => {
      const world = await arrange();
      await world.ask(`REVOKE ${world.names.b} FROM ${world.names.rotator}`);
      const found = ill(await inspect(world));
      if (server.major < 16) return expect(found).toEqual([]);
      expect(found).toMatchObject([{ check: `login ${world.names.b}`, found: expect.stringMatching(/ADMIN option/) }]);
      await world.ask(found[0]?.mend?.replace("Run there: ", "") ?? "");
      expect(ill(await inspect(world))).toEqual([]);
    });

    it("sees a login without its owner, one that is missing, and one that is a superuser", async () => {
      const world = await arrange();
      await world.ask(`ALTER ROLE ${world.names.a} RESET role`);
      expect(await only(world)).toMatchObject({
        check: `login ${world.names.a}`,
        mend: expect.stringContaining("SET role"),
      });
      await world.ask(`ALTER ROLE ${world.names.a} SET role = '${world.names.owner}'`);
      await world.ask(`ALTER ROLE ${world.names.b} SUPERUSER`);
      expect(await only(world)).toMatchObject({ found: expect.stringMatching(/superuser/) });
      await world.ask(`DROP ROLE ${world.names.b}`);
      expect(await only(world)).toMatchObject({
        check: `login ${world.names.b}`,
        mend: expect.stringMatching(/no login/),
      });
    });

    it("takes NOLOGIN for an illness of the login in use, and for a note of the idle one", async () => {
      const world = await arrange();
      await world.ask(`ALTER ROLE ${world.names.b} NOLOGIN`);
      const findings = await inspect(world);
      expect(ill(findings)).toEqual([]);
      expect(findings.find(({ check }) => check === `login ${world.names.b}`)?.verdict).toBe("unknown");
      await world.ask(`ALTER ROLE ${world.names.a} NOLOGIN`);
      expect(await only(world)).toMatchObject({
        check: `login ${world.names.a}`,
        found: expect.stringMatching(/NOLOGIN/),
      });
    });

    it("classes the ways to fail: port, name, admin secret", async () => {
      const world = await arrange();
      expect(ill(await inspect(world, world.unreachable?.(world.current).material))).toMatchObject([
        { check: "network" },
      ]);
      world.setAdmin({ port: server.port, password: "wrong-and-long-enough" });
      const [refused] = ill(await inspect(world));
      expect(refused).toMatchObject({
        check: "admin secret",
        found: expect.stringMatching(/refused the rotator's role/),
      });
      expect(JSON.stringify(refused)).not.toContain("wrong-and-long-enough");
    });
  });
});
