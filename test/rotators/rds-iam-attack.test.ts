import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Forbidden, Unusable } from "../../lib/core/errors.ts";
import { secret } from "../../lib/core/secret.ts";
import byPassword from "../../lib/rotators/postgres.ts";
import { must } from "../contract/rotator-act.ts";
import { hastyClock, realClock } from "../support/clock.ts";
import { localAws } from "../support/local-aws.ts";
import { type TestServer, testServer } from "../support/postgres.ts";
import { startRds, type TestRds } from "../support/rds.ts";
import { holdToken } from "../support/rds-handshake.ts";
import { storm } from "../support/storm.ts";
import { rdsWorld } from "./rds-world.ts";

const aws = localAws();
let server: TestServer;
let rds: TestRds;
beforeAll(async () => {
  server = await testServer({ port: 5732 });
  rds = await startRds(server, aws());
}, 30_000);
afterAll(async () => {
  await rds.stop();
  await server.stop();
});

const arranged = async () => {
  const world = await rdsWorld(server, rds, aws().endpoint, { clock: realClock });
  onTestFinished(world.stop);
  const verbs = world.rotator.connect(world.deps);
  const attempt = { target: world.target, material: world.current, signal: AbortSignal.timeout(20_000) };
  return {
    ...world,
    revoke: () => verbs.revoke({ ...attempt, keep: [] }),
    restore: (undo: Awaited<ReturnType<typeof verbs.revoke>>["undo"]) =>
      must(verbs.restore, "restore")({ ...attempt, undo }),
    verify: () => verbs.verify(attempt),
    /** `in`, or the SQLSTATE and the server's routine of the refusal. */
    signIn: (token?: string) =>
      world.connect(token).then(
        () => "in",
        (error: { code?: string; routine?: string }) => `${error.code} ${error.routine}`,
      ),
    held: () => holdToken({ host: rds.host, port: rds.port, user: world.login, ca: rds.cert }),
  };
};

const AT_IAM = "28000 auth_failed";
const AT_DATABASE = "28000 InitializeSessionUserId";

describe("denying rds-db:connect alone", () => {
  it("refuses new tokens and old ones, and leaves the open session at work: why the database side is needed", async () => {
    const world = await arranged();
    const old = await world.token();
    const session = await world.openSession();
    await world.role.deny();
    expect([await world.signIn(), await world.signIn(old)]).toEqual([AT_IAM, AT_IAM]);
    expect(await session.alive()).toBe(true);
    await world.role.allow();
    expect(await world.signIn()).toBe("in");
  });
});

describe("a revoke", () => {
  it("ends the open session, and every token is refused at the database though IAM takes it", async () => {
    const world = await arranged();
    const old = await world.token();
    const session = await world.openSession();
    const { sessionsEnded, settlesInMs } = await world.revoke();
    expect([await session.alive(), sessionsEnded, settlesInMs]).toEqual([false, 1, 65_000]);
    expect([await world.signIn(), await world.signIn(old)]).toEqual([AT_DATABASE, AT_DATABASE]);
    await expect(world.verify()).rejects.toBeInstanceOf(Unusable);
  });

  it("refuses a handshake that was held open, whose token comes afterwards", async () => {
    const world = await arranged();
    const [held, taken] = [await world.held(), await world.held()];
    expect(await taken.finish(await world.token())).toBe("in");
    await world.revoke();
    expect(await held.finish(await world.token())).toBe("28000");
    for (const one of [held, taken]) one.drop();
  });

  it.each(Array.from({ length: 10 }, (_, run) => run + 1))(
    "leaves no session to clients that sign in again without pause, run %i of 10",
    async () => {
      const world = await arranged();
      const { host, port } = rds;
      const attack = storm({ host, port, username: world.login, password: await world.token(), ssl: { ca: rds.cert } });
      while (attack.holds() < 6) await realClock.sleep(2);
      await world.revoke();
      await realClock.sleep(60);
      expect(await attack.survivors()).toBe(0);
    },
  );

  it("is undone by a restore: the workload's next token logs in", async () => {
    const world = await arranged();
    const { undo } = await world.revoke();
    await world.restore(undo);
    expect(await world.signIn()).toBe("in");
    const [role] = await world.ask("SELECT rolpassword IS NULL AS none FROM pg_authid WHERE rolname = $1", [
      world.login,
    ]);
    expect(role).toEqual({ none: true });
  });

  it("is not undone over what somebody changed meanwhile", async () => {
    const world = await arranged();
    const { undo } = await world.revoke();
    await world.ask(`ALTER ROLE ${world.login} VALID UNTIL 'infinity'`);
    await expect(world.restore(undo)).rejects.toThrow(/changed after this revoke.*by hand/);
    expect(await world.signIn()).toBe(AT_DATABASE);
  });
});

describe("a try", () => {
  it("proves nothing where IAM does not take Rekey's own token, dead or alive", async () => {
    const world = await arranged();
    for (const tags of [{}, { "rekey:network": "another" }]) {
      rds.tag(tags);
      await expect(world.verify()).rejects.toThrow(Forbidden);
      await expect(world.verify()).rejects.toThrow(/Tag the DB instance or cluster with the rekey:network/);
    }
    rds.tag({ "rekey:network": "default" });
    await world.verify();
    await world.revoke();
    rds.tag({});
    await expect(world.verify()).rejects.toThrow(Forbidden);
  });

  it("is refused by a server that asks for a password: the login is gone, or takes no tokens", async () => {
    const world = await arranged();
    await world.ask(`REVOKE rds_iam FROM ${world.login}`);
    await expect(world.verify()).rejects.toThrow(Unusable);
    await world.ask(`DROP ROLE ${world.login}`);
    await expect(world.verify()).rejects.toThrow(/takes no token for orders_iam/);
    expect(await world.revoke()).toMatchObject({ sessionsEnded: 0, settlesInMs: 0 });
  });

  it("sends no token to a server that proves nothing, and none in plain text", async () => {
    const world = await arranged();
    expect(world.rotator.target.safeParse({ admin: "a", tls: "disable" }).success).toBe(false);
    const { tlsCa: _, ...target } = world.target;
    const trial = { target, material: world.current, signal: AbortSignal.timeout(5_000) };
    await expect(world.rotator.connect(world.deps).verify(trial)).rejects.toThrow("rekey:tlsCa");
  });
});

describe("the rotator's own role", () => {
  it("is a member of rds_iam by the login that it administers, from PostgreSQL 16 on, and signs in by token", async () => {
    const world = await arranged();
    const member = "SELECT pg_has_role($1, 'rds_iam', 'MEMBER') AS is";
    expect(await world.ask(member, [world.rotatorRole])).toEqual([{ is: true }]);
    const { admin, tlsCa } = world.target;
    const target = byPassword.target.safeParse({ admin, tlsCa }).data;
    const material = { ...world.current.reveal(), password: "no password opens it" };
    if (!target) throw new Error("wrong tags");
    const trial = { target, material: secret(material), keep: [], signal: AbortSignal.timeout(5_000) };
    await expect(byPassword.connect(world.deps).revoke(trial)).rejects.toThrow(/member of rds_iam/);
  });
});

describe("what else the login offers", () => {
  it("tells who uses it", async () => {
    const world = await arranged();
    await world.openSession();
    const verbs = world.rotator.connect(world.deps);
    const trial = { target: world.target, material: world.current, signal: AbortSignal.timeout(5_000) };
    expect(await must(verbs.uses, "uses")(trial)).toMatchObject({ sessions: 1, by: [{ count: 1 }] });
  });

  it("is made read-only, tried, and widened again", async () => {
    const world = await rdsWorld(server, rds, aws().endpoint, { clock: hastyClock(), owned: true });
    onTestFinished(world.stop);
    const verbs = world.rotator.connect(world.deps);
    const request = {
      ...{ target: world.target, material: world.current, signal: AbortSignal.timeout(10_000) },
      scope: "read-only",
    } as const;
    const session = await world.openSession();
    const undo = await must(verbs.scope, "scope")(request);
    expect(await must(verbs.rescope, "rescope")(request)).toMatchObject({ sessionsEnded: 1 });
    expect(await session.alive()).toBe(false);
    const narrowed = await world.openSession();
    await expect(narrowed.query(`SET ROLE ${world.owner}`)).rejects.toThrow("permission denied");
    await must(verbs.widen, "widen")({ ...request, undo });
    await (await world.openSession()).query(`SET ROLE ${world.owner}`);
  });
});

describe("the doctor", () => {
  const told = async (world: Awaited<ReturnType<typeof arranged>>) => {
    const { target, current } = world;
    const inspect = must(world.rotator.connect(world.deps).inspect, "inspect");
    const found = await inspect({ target, current, signal: AbortSignal.timeout(5_000) });
    return Object.fromEntries(found.map(({ check, verdict, mend }) => [check, mend ? `${verdict}: ${mend}` : verdict]));
  };

  it("finds a login well, and nothing about passwords", async () => {
    const world = await arranged();
    expect(await told(world)).toEqual({
      "admin secret": "well",
      server: "well",
      // The stand-in ends TLS; to the server behind it the connection is plain.
      tls: expect.stringContaining("unknown"),
      "admin rights": "well",
      [`login ${world.login}`]: "well",
      "IAM authentication": "well",
    });
  });

  it("says of one that takes no tokens what makes it, and of a locked one what lets it in", async () => {
    const world = await arranged();
    await world.ask(`REVOKE rds_iam FROM ${world.login}`);
    expect(await told(world)).toMatchObject({
      "IAM authentication": expect.stringContaining(`GRANT rds_iam TO "${world.login}"`),
    });
    await world.ask(`GRANT rds_iam TO ${world.login}`);
    await world.revoke();
    expect(await told(world)).toMatchObject({ [`login ${world.login}`]: "ill: Restore the incident that locked it." });
  });
});
