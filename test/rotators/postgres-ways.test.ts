import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Unusable } from "../../lib/core/errors.ts";
import { type Arranged, arrangeLogins, type TestServer, testServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: 5695 });
});
afterAll(() => server.stop());

const acting = ({ rotator, deps, target, current: material }: Arranged) => {
  const verbs = rotator.connect(deps);
  const signal = AbortSignal.timeout(20_000);
  return {
    revoke: () => verbs.revoke({ target, material, keep: [], signal }),
    restore: (undo: Awaited<ReturnType<typeof verbs.revoke>>["undo"]) =>
      verbs.restore?.({ target, material, undo, signal }),
    verify: () => verbs.verify({ target, material, signal }),
  };
};

/** Backends of the rotator's role that live now, oldest first. */
const backends = async ({ ask, names }: Arranged): Promise<readonly unknown[]> =>
  (await ask(`SELECT pid FROM pg_stat_activity WHERE usename = '${names.rotator}' ORDER BY backend_start`)).map(
    (row) => row["pid"],
  );

describe("the rotator's connection", () => {
  it("serves the next call on the same server within seconds", async () => {
    const world = await arrangeLogins(server);
    const { undo } = await acting(world).revoke();
    const [first, ...more] = await backends(world);
    expect(more).toEqual([]);
    await acting(world).restore(undo);
    expect(await backends(world)).toEqual([first]);
  });

  it("is ended by the server when the function cannot end it", async () => {
    const world = await arrangeLogins(server);
    await acting(world).revoke();
    const [idle] = await world.ask(
      `SELECT state, query FROM pg_stat_activity WHERE usename = '${world.names.rotator}'`,
    );
    expect(idle).toMatchObject({ state: "idle", query: "SET idle_session_timeout = 12000" });
  });

  it("that has died meanwhile is replaced, and the work is done", async () => {
    const world = await arrangeLogins(server);
    const { undo } = await acting(world).revoke();
    const [first] = await backends(world);
    await world.ask(`SELECT pg_terminate_backend(${first}, 2000)`);
    await acting(world).restore(undo);
    await acting(world).verify();
    expect(await backends(world)).not.toContain(first);
  });

  it("is not kept after work that failed", async () => {
    const world = await arrangeLogins(server);
    await world.ask(`REVOKE ${world.names.a} FROM ${world.names.rotator}`);
    await expect(acting(world).revoke()).rejects.not.toBeInstanceOf(Unusable);
    expect(await backends(world)).toEqual([]);
  });

  it("stays as long after its last use as after its first", { timeout: 30_000 }, async () => {
    const world = await arrangeLogins(server);
    const { undo } = await acting(world).revoke();
    const [first] = await backends(world);
    await world.deps.clock.sleep(5_000);
    await acting(world).restore(undo);
    await world.deps.clock.sleep(6_000);
    expect(await backends(world), "the time of its first use ended it").toEqual([first]);
  });

  it("is nobody else's while it works", async () => {
    const world = await arrangeLogins(server);
    const { undo } = await acting(world).revoke();
    await Promise.allSettled([acting(world).restore(undo), acting(world).revoke()]);
    expect(await backends(world)).toHaveLength(1);
  });
});
