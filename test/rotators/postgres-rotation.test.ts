import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Conflict, Forbidden, Misconfigured } from "../../lib/core/errors.ts";
import { mapSecret, secret } from "../../lib/core/secret.ts";
import { application } from "../support/application.ts";
import { hastyClock } from "../support/clock.ts";
import { arrangeLogins, sessionOf, type TestServer, testServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: 5630, settings: { log_statement: "all", log_connections: "on" } });
}, 30_000);
afterAll(() => server.stop());

const signal = AbortSignal.timeout(120_000);

describe("alternating logins", () => {
  it("lose an application no query in 10 rotations", async () => {
    const { rotator, deps, target, current: first } = await arrangeLogins(server);
    const verbs = rotator.connect(deps);
    let current = first;
    const app = application(() => current.reveal());
    const used: string[] = [];
    for (let round = 0; round < 10; round++) {
      const next = await verbs.issue({ target, current, previous: undefined, signal });
      await verbs.install({ target, next, current, signal });
      await verbs.verify({ target, material: next, signal });
      used.push(next.reveal().username);
      current = next;
      await app.untilRenewed();
    }
    const { failures, queries } = await app.stop();
    expect(failures).toEqual([]);
    expect(queries).toBeGreaterThan(50);
    expect(new Set(used).size).toBe(2);
  }, 30_000);

  it("share what either of them creates, because both act as the owner", async () => {
    const world = await arrangeLogins(server);
    const { rotator, deps, target, current, names } = world;
    await server.root.query(`CREATE SCHEMA AUTHORIZATION ${names.owner}`);
    const verbs = rotator.connect(deps);
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    await verbs.install({ target, next, current, signal });
    const query = async (material: typeof current, sql: string) => {
      const session = await sessionOf(material.reveal());
      await session.query(sql);
      await session.end();
    };
    await query(current, `CREATE TABLE ${names.owner}.made_by_a (n int)`);
    await query(next, `CREATE TABLE ${names.owner}.made_by_b (n int)`);
    await query(next, `INSERT INTO ${names.owner}.made_by_a VALUES (1)`);
    await query(current, `DROP TABLE ${names.owner}.made_by_b`);
  });

  it("end what still runs on the idle login, and nothing on the one in use", async () => {
    const world = await arrangeLogins(server);
    const { rotator, deps, target, current, names } = world;
    const idle = await sessionOf({ ...current.reveal(), username: names.b });
    const serving = await sessionOf(current.reveal());
    const verbs = rotator.connect(deps);
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    await verbs.install({ target, next, current, signal });
    expect([await idle.alive(), await serving.alive()]).toEqual([false, true]);
    await Promise.all([idle.end(), serving.end()]);
  });

  it("say the mend when a login is not wired to its owner", async () => {
    const { rotator, deps, target, current, names, ask } = await arrangeLogins(server);
    await ask(`ALTER ROLE ${names.b} RESET role`);
    const verbs = rotator.connect(deps);
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    const failure = verbs.install({ target, next, current, signal });
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(`ALTER ROLE "${names.b}" SET role = '${names.owner}'`);
  });

  it("never change the login in use; a repeat of a finished attempt changes nothing", async () => {
    const { rotator, deps, target, current } = await arrangeLogins(server);
    const verbs = rotator.connect(deps);
    const stale = mapSecret(current, (material) => ({ ...material, password: "another-password" }));
    await expect(verbs.install({ target, next: stale, current, signal })).rejects.toBeInstanceOf(Conflict);
    await verbs.install({ target, next: current, current, signal });
    await verbs.verify({ target, material: current, signal });
  });

  it("take one connection to install and one to verify", async () => {
    const { rotator, deps, target, current, names } = await arrangeLogins(server);
    const verbs = rotator.connect(deps);
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    await verbs.install({ target, next, current, signal });
    await verbs.verify({ target, material: next, signal });
    const connected = (await server.logText()).matchAll(/connection authorized: user=(\S+)/g);
    const ours = [...connected].map(([, user]) => user).filter((user) => Object.values(names).includes(user ?? ""));
    expect(ours).toEqual([names.rotator, names.b]);
  });
});

describe("restore", () => {
  it("does not break a newer version that took the login over", async () => {
    const { rotator, deps, target, current } = await arrangeLogins(server, { strategy: "single", clock: hastyClock() });
    const verbs = rotator.connect(deps);
    const { undo } = await verbs.revoke({ target, material: current, keep: [], signal });
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    await verbs.install({ target, next, current, signal });
    await expect(verbs.restore?.({ target, material: current, undo, signal })).rejects.toBeInstanceOf(Conflict);
    await verbs.verify({ target, material: next, signal });
  });

  it("does not lift a lock that a later containment made", async () => {
    const { rotator, deps, target, current, ask, names } = await arrangeLogins(server, {
      strategy: "single",
      clock: hastyClock(),
    });
    const verbs = rotator.connect(deps);
    const { undo } = await verbs.revoke({ target, material: current, keep: [], signal });
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    await verbs.install({ target, next, current, signal });
    const later = await verbs.revoke({ target, material: next, keep: [], signal });
    await expect(verbs.restore?.({ target, material: current, undo, signal })).rejects.toBeInstanceOf(Conflict);
    const [role] = await ask("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", [names.a]);
    expect(role).toEqual({ rolcanlogin: false });
    await verbs.restore?.({ target, material: next, undo: later.undo, signal });
    await verbs.verify({ target, material: next, signal });
  });

  it("counts the handshake window from the first of several revokes", async () => {
    const { rotator, deps, target, current, ask, names } = await arrangeLogins(server);
    const verbs = rotator.connect(deps);
    const lockTime = async () => ask("SELECT rolvaliduntil::text FROM pg_roles WHERE rolname = $1", [names.a]);
    const first = await verbs.revoke({ target, material: current, keep: [], signal });
    const lockedAt = await lockTime();
    const second = await verbs.revoke({ target, material: current, keep: [], signal });
    expect(await lockTime()).toEqual(lockedAt);
    expect(second.undo).toEqual(first.undo);
  });

  it("gives back the expiry that the login had", async () => {
    const { rotator, deps, target, current, names, ask } = await arrangeLogins(server, { strategy: "single" });
    await ask(`ALTER ROLE ${names.a} VALID UNTIL '2099-01-01 00:00:00+00'`);
    const verbs = rotator.connect(deps);
    const { undo } = await verbs.revoke({ target, material: current, keep: [], signal });
    await verbs.restore?.({ target, material: current, undo, signal });
    const [role] = await ask("SELECT rolvaliduntil AT TIME ZONE 'UTC' AS until FROM pg_roles WHERE rolname = $1", [
      names.a,
    ]);
    expect(role?.["until"]).toEqual(new Date("2099-01-01T00:00:00"));
  });
});

describe("clear text", () => {
  it("reaches no server log, not even by a statement that fails", async () => {
    const { rotator, deps, target, current, names, ask } = await arrangeLogins(server, { strategy: "single" });
    const verbs = rotator.connect(deps);
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    await verbs.install({ target, next, current, signal });
    const { undo } = await verbs.revoke({ target, material: next, keep: [], signal });
    await verbs.restore?.({ target, material: next, undo, signal });
    await ask(`ALTER ROLE ${names.rotator} NOCREATEROLE`);
    await expect(verbs.install({ target, next, current, signal })).rejects.toBeInstanceOf(Forbidden);
    const log = await server.logText();
    expect(log).toContain(`ALTER ROLE "${names.a}" PASSWORD 'SCRAM-SHA-256$4096:`);
    expect(log).toContain("permission denied to alter role");
    expect(log.includes(next.reveal().password)).toBe(false);
    expect(log.includes(current.reveal().password)).toBe(false);
  });
});

describe("the next material", () => {
  it("differs every time and needs no escaping anywhere", async () => {
    const { rotator, deps, target, current } = await arrangeLogins(server);
    const verbs = rotator.connect(deps);
    const issued = await Promise.all(
      Array.from({ length: 50 }, () => verbs.issue({ target, current, previous: undefined, signal })),
    );
    const passwords = issued.map((one) => one.reveal().password);
    expect(new Set(passwords).size).toBe(50);
    for (const password of passwords) expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
  });

  it("may be a password that a person chose: the verifier prepares it as clients do", async () => {
    const { rotator, deps, target, current } = await arrangeLogins(server, { strategy: "single" });
    const verbs = rotator.connect(deps);
    const chosen = mapSecret(current, (material) => ({ ...material, password: "pä\u00a0ﬁ'\"\\$1; --" }));
    await verbs.install({ target, next: chosen, current, signal });
    await verbs.verify({ target, material: chosen, signal });
  });

  it("keeps a text port as text, and asks for a first version where there is none", async () => {
    const { rotator, deps, target, current } = await arrangeLogins(server);
    const verbs = rotator.connect(deps);
    const asText = secret({ ...current.reveal(), port: String(server.port) });
    const next = await verbs.issue({ target, current: asText, previous: undefined, signal });
    expect(next.reveal().port).toBe(String(server.port));
    const none = verbs.issue({ target, current: undefined, previous: undefined, signal });
    await expect(none).rejects.toThrow("needs a first version");
  });
});
