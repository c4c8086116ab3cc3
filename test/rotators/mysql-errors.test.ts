import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Forbidden, Misconfigured, Throttled, Unusable } from "../../lib/core/errors.ts";
import { mapSecret } from "../../lib/core/secret.ts";
import type { Finding } from "../../lib/core/types.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { acting, failing } from "../support/mariadb-acting.ts";
import { arrangeLogins, rightsOf, sessionOf } from "../support/mariadb-logins.ts";

const verdicts = (findings: readonly Finding[] = []) =>
  Object.fromEntries(findings.map(({ check, verdict }) => [check, verdict]));

describe.skipIf(!hasMariadb)(`what goes wrong on ${mariadbName}`, () => {
  let server: TestMariadb;
  beforeAll(async () => {
    server = await testMariadb({ port: 5715 });
    await server.ask("CREATE DATABASE shop");
  }, 60_000);
  afterAll(() => server?.stop());

  it("a wrong password in the admin secret is a setting, not a death", async () => {
    const world = await arrangeLogins(server);
    world.setAdmin({ password: "canary-of-the-admin" });
    for (const work of [acting(world).rotate, acting(world).revoke]) {
      const error = await failing(work());
      expect(error).toBeInstanceOf(Misconfigured);
      expect(error.message).toContain("secret:shop-db-admin-AbCdEf");
      expect(error.message).not.toContain("canary");
    }
    await acting(world).verify();
  });

  it("an admin secret of another server: nothing is sent to the host that the material names", async () => {
    const world = await arrangeLogins(server);
    let contacts = 0;
    const trap = createServer(() => contacts++).listen(5716, "127.0.0.1");
    await once(trap, "listening");
    const lured = mapSecret(world.current, (material) => ({ ...material, port: 5716 }));
    const error = await failing(acting(world).revoke(lured));
    trap.close();
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toContain("is for another server than the material's 127.0.0.1:5716");
    expect(contacts).toBe(0);
  });

  it("an admin secret that holds the very login to be rotated", async () => {
    const world = await arrangeLogins(server);
    world.setAdmin({ username: world.names.a });
    expect((await failing(acting(world).revoke())).message).toContain("would lock Rekey out");
  });

  it.each([
    ["CREATE USER", 0],
    ["mysql.global_priv", 1],
  ] as const)("a rotator's account without %s is told what it lacks", async (_, missing) => {
    const rights = (user: string) => rightsOf(user).filter((_right, i) => i !== missing);
    const world = await arrangeLogins(server, { rights });
    const error = await failing(acting(world).rotate());
    expect(error).toBeInstanceOf(Forbidden);
    expect(error.message).toContain("GRANT CREATE USER, PROCESS, CONNECTION ADMIN");
    await acting(world).verify();
  });

  it("a right to KILL that only a procedure gives is used through it, as on RDS", async () => {
    const rights = (user: string) => rightsOf(user).map((right) => right.replace(", CONNECTION ADMIN", ""));
    const world = await arrangeLogins(server, { rights });
    const session = await sessionOf(world.current.reveal());
    expect(await failing(acting(world).revoke())).toBeInstanceOf(Forbidden);
    expect(await session.alive()).toBe(true);
    await expect(acting(world).verify()).rejects.toBeInstanceOf(Unusable);
    await server.ask("CREATE PROCEDURE mysql.rds_kill(IN thread BIGINT) SQL SECURITY DEFINER BEGIN KILL thread; END");
    await server.ask(`GRANT EXECUTE ON PROCEDURE mysql.rds_kill TO ${world.names.rotator}@'%'`);
    try {
      expect((await acting(world).revoke()).sessionsEnded).toBe(1);
    } finally {
      await server.ask("DROP PROCEDURE mysql.rds_kill");
    }
    expect(await session.alive()).toBe(false);
  });

  it("a probe that is refused speaks of rights, not of the password", async () => {
    const tags = { probe: "SELECT * FROM mysql.user" };
    const world = await arrangeLogins(server, { tags });
    expect(await failing(acting(world).verify())).toBeInstanceOf(Forbidden);
    const filed = await arrangeLogins(server, { tags: { probe: "SELECT 1 INTO OUTFILE '/tmp/rekey-never'" } });
    const error = await failing(acting(filed).verify());
    expect(error).not.toBeInstanceOf(Unusable);
  });

  it("an account that logs in by something else than a password is left alone", async () => {
    const world = await arrangeLogins(server);
    await server.ask(`ALTER USER ${world.names.a}@'%' IDENTIFIED VIA unix_socket`);
    const error = await failing(acting(world).rotate());
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toContain("unix_socket");
  });

  it("a login that is missing is named with the statement that makes it", async () => {
    const world = await arrangeLogins(server);
    await server.ask(`DROP USER ${world.names.a}@'%'`);
    expect((await failing(acting(world).rotate())).message).toContain("CREATE USER");
  });

  it("tables of accounts that a backup holds locked are waited for, and then it comes again later", async () => {
    const world = await arrangeLogins(server);
    await server.ask("FLUSH TABLES WITH READ LOCK");
    try {
      expect(await failing(acting(world).rotate())).toBeInstanceOf(Throttled);
    } finally {
      await server.ask("UNLOCK TABLES");
    }
    // Nothing that was given up is carried out later.
    await acting(world).verify();
    expect(
      await server.ask(`SELECT 1 FROM mysql.global_priv WHERE User = '${world.names.a}' AND Priv LIKE '%52454B4559%'`),
    ).toEqual([]);
    await acting(world).rotate();
  }, 20_000);

  it("a name that would be SQL is only a name", async () => {
    const world = await arrangeLogins(server);
    const odd = "a'`\\ OR";
    const quoted = `\`${odd.replaceAll("`", "``")}\`@'%'`;
    await server.ask(`CREATE USER ${quoted} IDENTIFIED BY 'x'`);
    const current = mapSecret(world.current, (material) => ({ ...material, username: odd, password: "x" }));
    const next = await acting(world).rotate(current);
    await acting(world).verify(next);
    await acting(world).revoke(next);
    await expect(acting(world).verify(next)).rejects.toBeInstanceOf(Unusable);
  });

  it("the doctor finds what is well and what is not, and who uses the login", async () => {
    const world = await arrangeLogins(server);
    const session = await sessionOf(world.current.reveal());
    expect(await acting(world).uses()).toEqual({ sessions: 1, by: [{ who: "127.0.0.1", count: 1 }] });
    const found = verdicts(await acting(world).inspect());
    expect(found).toEqual({
      "admin secret": "well",
      server: "well",
      tls: "unknown",
      "performance schema": "unknown",
      "admin rights": "well",
      [`login ${world.names.a}`]: "well",
    });
    session.end();
    await acting(world).revoke();
    await server.ask("CREATE USER ''@'10.%'");
    const ill = verdicts(await acting(world).inspect());
    await server.ask("DROP USER ''@'10.%'");
    expect(ill).toMatchObject({ [`login ${world.names.a}`]: "ill", "anonymous account": "ill" });
    const poor = await arrangeLogins(server, { rights: (user) => rightsOf(user).slice(1) });
    expect(verdicts(await acting(poor).inspect())).toMatchObject({ "admin rights": "ill" });
  });

  it("a nameless account that shadows the login looks like a wrong password; the doctor names it", async () => {
    const world = await arrangeLogins(server);
    await server.ask("CREATE USER ''@'127.0.0.1'");
    try {
      await expect(acting(world).verify()).rejects.toBeInstanceOf(Unusable);
    } finally {
      await server.ask("DROP USER ''@'127.0.0.1'");
    }
    await acting(world).verify();
  });
});
