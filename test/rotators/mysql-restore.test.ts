import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Conflict, Unusable } from "../../lib/core/errors.ts";
import { hasMariadb, mariadbName, type TestMariadb, testMariadb } from "../support/mariadb.ts";
import { acting, failing } from "../support/mariadb-acting.ts";
import { arrangeLogins } from "../support/mariadb-logins.ts";

describe.skipIf(!hasMariadb)(`restoring on ${mariadbName}`, () => {
  let server: TestMariadb;
  beforeAll(async () => {
    server = await testMariadb({ port: 5714 });
  }, 60_000);
  afterAll(() => server?.stop());

  it("puts back the version that was dropped beside one in force", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, restore, verify } = acting(world);
    const next = await rotate();
    const { undo } = await revoke(world.current, [next]);
    await restore(world.current, undo);
    await verify();
    await verify(next);
  });

  it("brings back both versions that one containment ended", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, restore, verify } = acting(world);
    const next = await rotate();
    const [first, second] = [await revoke(world.current), await revoke(next)];
    await restore(world.current, first.undo);
    await expect(verify(next)).rejects.toBeInstanceOf(Unusable);
    await restore(next, second.undo);
    await verify();
    await verify(next);
  });

  it.each(["overlap", "single"] as const)("never writes over a newer version (%s)", async (strategy) => {
    const world = await arrangeLogins(server, { strategy });
    const { rotate, revoke, restore, verify } = acting(world);
    const { undo } = await revoke();
    const next = await rotate();
    expect(await failing(restore(world.current, undo))).toBeInstanceOf(Conflict);
    await verify(next);
    await expect(verify()).rejects.toBeInstanceOf(Unusable);
  });

  it("does not let in what a later containment has ended", async () => {
    const world = await arrangeLogins(server);
    const { rotate, revoke, restore, verify } = acting(world);
    const next = await rotate();
    const { undo } = await revoke(world.current, [next]);
    await revoke(next);
    expect(await failing(restore(world.current, undo))).toBeInstanceOf(Conflict);
    for (const one of [world.current, next]) await expect(verify(one)).rejects.toBeInstanceOf(Unusable);
  });

  it("leaves a lock that somebody else had set before the revoke", async () => {
    const world = await arrangeLogins(server);
    const { revoke, restore, verify } = acting(world);
    await server.ask(`ALTER USER ${world.names.a}@'%' ACCOUNT LOCK`);
    const { undo } = await revoke();
    expect((await failing(restore(world.current, undo))).message).toContain("locked by somebody before this revoke");
    await expect(verify()).rejects.toBeInstanceOf(Unusable);
  });

  it("gives up where the account was changed by hand", async () => {
    const world = await arrangeLogins(server);
    const { revoke, restore } = acting(world);
    const { undo } = await revoke();
    await server.ask(`ALTER USER ${world.names.a}@'%' IDENTIFIED BY 'by-hand' ACCOUNT UNLOCK`);
    expect(await failing(restore(world.current, undo))).toBeInstanceOf(Conflict);
  });

  it("has nothing to revoke where the account is gone, and nothing to restore", async () => {
    const world = await arrangeLogins(server);
    const { revoke, restore } = acting(world);
    await server.ask(`DROP USER ${world.names.a}@'%'`);
    const done = await revoke();
    expect(done).toEqual({ undo: { left: "nothing" }, sessionsEnded: 0, settlesInMs: 0 });
    expect(await failing(restore(world.current, done.undo))).toBeInstanceOf(Conflict);
  });
});
