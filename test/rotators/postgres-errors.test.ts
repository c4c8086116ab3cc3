import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Conflict, Forbidden, Misconfigured, Unusable } from "../../lib/core/errors.ts";
import { mapSecret, secret } from "../../lib/core/secret.ts";
import { type Arranged, arrangeLogins, sessionOf, type TestServer, testServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: 5640 });
}, 30_000);
afterAll(() => server.stop());

const signal = AbortSignal.timeout(120_000);

const acting = ({ rotator, deps, target, current }: Arranged) => {
  const verbs = rotator.connect(deps);
  return {
    verbs,
    verify: (material = current) => verbs.verify({ target, material, signal }),
    revoke: (material = current, keep: readonly (typeof current)[] = []) =>
      verbs.revoke({ target, material, keep, signal }),
    rotate: async () => {
      const next = await verbs.issue({ target, current, previous: undefined, signal });
      await verbs.install({ target, next, current, signal });
      return next;
    },
  };
};
const failing = async (work: Promise<unknown>): Promise<Error> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Error) return error;
  throw new Error("it succeeded where it had to fail");
};

describe("wrong settings are named with their mend", () => {
  it("a wrong password in the admin secret", async () => {
    const world = await arrangeLogins(server);
    world.setAdmin({ password: "canary-of-the-admin" });
    for (const work of [acting(world).rotate, acting(world).revoke]) {
      const error = await failing(work());
      expect(error).toBeInstanceOf(Misconfigured);
      expect(error.message).toContain("secret:orders-db-admin-AbCdEf");
      expect(error.message).not.toContain("canary");
    }
    await acting(world).verify();
  });

  it("an admin secret without a field", async () => {
    const world = await arrangeLogins(server);
    world.setAdmin({ username: undefined });
    const error = await failing(acting(world).rotate());
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toMatch(/orders-db-admin-AbCdEf: field username/);
  });

  it("an admin secret of another server: nothing is sent to the host that the material names", async () => {
    const world = await arrangeLogins(server);
    let contacts = 0;
    const trap = createServer(() => contacts++).listen(5641, "127.0.0.1");
    await once(trap, "listening");
    const lured = mapSecret(world.current, (material) => ({ ...material, port: 5641 }));
    const error = await failing(acting(world).revoke(lured));
    trap.close();
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toContain("is for another server than the material's 127.0.0.1:5641");
    expect(contacts).toBe(0);
  });

  it("an admin secret that holds the very login to be rotated", async () => {
    const world = await arrangeLogins(server);
    world.setAdmin({ username: world.names.a });
    expect((await failing(acting(world).revoke())).message).toContain("would lock Rekey out");
  });

  it.each([
    ["NOCREATEROLE", (rot: string) => `ALTER ROLE ${rot} NOCREATEROLE`],
    ["no ADMIN option", (rot: string, login: string) => `REVOKE ${login} FROM ${rot}`],
  ])("a rotator role with %s", async (_, take) => {
    const world = await arrangeLogins(server, { strategy: "single" });
    await world.ask(take(world.names.rotator, world.names.a));
    const error = await failing(acting(world).rotate());
    expect(error).toBeInstanceOf(Forbidden);
    expect(error.message).toMatch(/CREATEROLE; GRANT pg_signal_backend.*WITH ADMIN TRUE/);
    await acting(world).verify();
  });

  it("a rotator role that may not end sessions: the login is locked all the same", async () => {
    const world = await arrangeLogins(server);
    await world.ask(`REVOKE pg_signal_backend FROM ${world.names.rotator}`);
    const session = await sessionOf(world.current.reveal());
    const error = await failing(acting(world).revoke());
    expect(error).toBeInstanceOf(Forbidden);
    expect(error.message).toContain("pg_signal_backend");
    await expect(acting(world).verify()).rejects.toBeInstanceOf(Unusable);
    await session.end();
  });

  it("a rotator role that may not see when sessions began: a replacement's are not ended in their stead", async () => {
    const world = await arrangeLogins(server, { strategy: "single" });
    await world.ask(`REVOKE pg_read_all_stats FROM ${world.names.rotator}`);
    const next = await acting(world).rotate();
    const session = await sessionOf(next.reveal());
    const error = await failing(acting(world).revoke(world.current, [next]));
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toContain(`GRANT pg_read_all_stats TO "${world.names.rotator}"`);
    expect(await session.alive()).toBe(true);
    await session.end();
  });

  it("a login that is not there", async () => {
    const world = await arrangeLogins(server);
    await world.ask(`DROP ROLE ${world.names.b}`);
    expect((await failing(acting(world).rotate())).message).toContain(`CREATE ROLE "${world.names.b}" LOGIN`);
  });
});

describe("what is refused and what is doubt", () => {
  it("a dropped login is refused, and its revoke succeeds", async () => {
    const world = await arrangeLogins(server);
    await world.ask(`DROP ROLE ${world.names.a}`);
    expect((await acting(world).revoke()).sessionsEnded).toBe(0);
    await expect(acting(world).verify()).rejects.toBeInstanceOf(Unusable);
  });

  it("pg_hba.conf that rejects us proves nothing about the material", async () => {
    const world = await arrangeLogins(server);
    const [row] = await world.ask("SHOW hba_file");
    const file = String(row?.["hba_file"]);
    const before = await readFile(file, "utf8");
    await writeFile(file, `host all ${world.names.a} all reject\n${before}`);
    await world.ask("SELECT pg_reload_conf(), pg_sleep(0.2)");
    const error = await failing(acting(world).verify());
    await writeFile(file, before);
    await world.ask("SELECT pg_reload_conf(), pg_sleep(0.2)");
    expect(error).toBeInstanceOf(Misconfigured);
    await acting(world).verify();
  });

  it("a database or a slot that is missing proves nothing either", async () => {
    const world = await arrangeLogins(server);
    const elsewhere = mapSecret(world.current, (material) => ({ ...material, dbname: "no_such" }));
    expect(await failing(acting(world).verify(elsewhere))).not.toBeInstanceOf(Unusable);
    await world.ask(`ALTER ROLE ${world.names.a} CONNECTION LIMIT 0`);
    expect(await failing(acting(world).verify())).not.toBeInstanceOf(Unusable);
  });

  it("a server that accepts and says nothing is given up on after 5 s", async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket)).listen(5642, "127.0.0.1");
    await once(mute, "listening");
    const world = await arrangeLogins(server);
    const error = await failing(acting(world).verify(secret({ ...world.current.reveal(), port: 5642 })));
    for (const socket of sockets) socket.destroy();
    mute.close();
    expect(error.name).toBe("Unreachable");
  }, 10_000);

  it("a version in force that shares the login is never revoked by halves", async () => {
    const world = await arrangeLogins(server, { strategy: "single" });
    expect(await failing(acting(world).revoke(world.current, [world.current]))).toBeInstanceOf(Conflict);
    await acting(world).verify();
  });
});

describe("hostile names", () => {
  it.each([`a"; DROP ROLE "postgres`, `b'; SELECT pg_sleep(9); --`, "c\\'\"d", "e$x$f", "ü:/@%00"])(
    "%s",
    async (name) => {
      const world = await arrangeLogins(server, { strategy: "single", names: { a: name } });
      const { rotate, revoke, verify, verbs } = acting(world);
      const next = await rotate();
      await verify(next);
      const { undo } = await revoke(next);
      await expect(verify(next)).rejects.toBeInstanceOf(Unusable);
      await verbs.restore?.({ target: world.target, material: next, undo, signal });
      await verify(next);
      expect(await world.ask("SELECT rolname FROM pg_roles WHERE rolname IN ('postgres', $1)", [name])).toHaveLength(2);
    },
  );

  it.each(["/var/run/postgresql", "host name", "a,b", "x?y", ""])("host %j is no host", async (host) => {
    const { rotator, current } = await arrangeLogins(server);
    expect(rotator.material.safeParse({ ...current.reveal(), host }).success).toBe(false);
  });

  it.each(["one", "same same", "one two three", `${"x".repeat(64)} two`, ""])(
    "logins %j are not two",
    async (logins) => {
      const { rotator } = await arrangeLogins(server);
      expect(rotator.target.safeParse({ admin: "a", strategy: "alternating", logins }).success).toBe(false);
    },
  );
});
