import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Secret } from "../../lib/core/secret.ts";
import type { Material } from "../../lib/rotators/postgres/target.ts";
import { holdHandshake } from "../../local/held-handshake.ts";
import { hastyClock, realClock } from "../support/clock.ts";
import { type Arranged, arrangeLogins, type TestServer, testServer } from "../support/postgres.ts";
import { storm } from "../support/storm.ts";

const HANDSHAKE_S = 2;

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ port: 5620, settings: { authentication_timeout: `${HANDSHAKE_S}s` } });
}, 30_000);
afterAll(() => server.stop());

const acting = ({ rotator, deps, target, current }: Arranged) => {
  const verbs = rotator.connect(deps);
  const attempt = { target, signal: AbortSignal.timeout(30_000) };
  return {
    rotate: async (): Promise<Secret<Material>> => {
      const next = await verbs.issue({ ...attempt, current, previous: undefined });
      await verbs.install({ ...attempt, next, current });
      return next;
    },
    revoke: (material: Secret<Material>, keep: readonly Secret<Material>[] = []) =>
      verbs.revoke({ ...attempt, material, keep }),
    verify: (material: Secret<Material>) => verbs.verify({ ...attempt, material }),
  };
};

describe("an attacker who reconnects without pause", () => {
  it.each(Array.from({ length: 20 }, (_, run) => run + 1))(
    "has no session left after a revoke, run %i of 20",
    async () => {
      const world = await arrangeLogins(server);
      const attack = storm(world.current.reveal());
      while (attack.holds() < 6) await realClock.sleep(2);
      await acting(world).revoke(world.current);
      const left = await world.ask("SELECT pid FROM pg_stat_activity WHERE usename = $1", [world.names.a]);
      await realClock.sleep(60);
      expect({ alive: await attack.survivors(), seen: left }).toEqual({ alive: 0, seen: [] });
    },
  );

  it("is thrown out of a login that the replacement shares, too", async () => {
    const world = await arrangeLogins(server, { strategy: "single" });
    const { rotate, revoke, verify } = acting(world);
    const attack = storm(world.current.reveal());
    while (attack.holds() < 6) await realClock.sleep(2);
    const next = await rotate();
    await revoke(world.current, [next]);
    await realClock.sleep(60);
    expect(await attack.survivors()).toBe(0);
    await verify(next);
  });
});

describe("a handshake held open with the old password", () => {
  it("ends refused when its last message comes after the revoke", async () => {
    const slow = await testServer({ port: 5621 });
    try {
      const world = await arrangeLogins(slow);
      const held = await holdHandshake(world.current.reveal());
      const { settlesInMs } = await acting(world).revoke(world.current);
      await realClock.sleep(2_000);
      expect(await held.finish()).toBe("28000");
      expect(settlesInMs).toBe(65_000);
    } finally {
      await slow.stop();
    }
  });

  it("would come alive if the login were let in before the window has passed: the danger is real", async () => {
    const clock = hastyClock();
    const world = await arrangeLogins(server, { strategy: "single", clock });
    const held = await holdHandshake(world.current.reveal());
    await acting(world).revoke(world.current);
    await acting(world).rotate();
    expect(await held.finish()).toBe("in");
    expect(clock.skipped).toHaveLength(1);
    held.drop();
  });

  it("is dead once the window was sat out, and the replacement works", async () => {
    const world = await arrangeLogins(server, { strategy: "single" });
    const held = await holdHandshake(world.current.reveal());
    const began = performance.now();
    await acting(world).revoke(world.current);
    const next = await acting(world).rotate();
    expect(performance.now() - began).toBeGreaterThan(HANDSHAKE_S * 1_000 + 5_000);
    expect(await held.finish()).toBe("closed");
    await acting(world).verify(next);
    await expect(acting(world).verify(world.current)).rejects.toThrow("refused");
  }, 20_000);

  it("stops waiting when the caller's time is up, and leaves the login locked", async () => {
    const world = await arrangeLogins(server, { strategy: "single" });
    const verbs = world.rotator.connect(world.deps);
    await acting(world).revoke(world.current);
    const { target, current } = world;
    const signal = AbortSignal.timeout(200);
    const next = await verbs.issue({ target, current, previous: undefined, signal });
    await expect(verbs.install({ target, next, current, signal })).rejects.toThrow(/timeout|aborted/i);
    const [role] = await world.ask("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", [world.names.a]);
    expect(role).toEqual({ rolcanlogin: false });
  });
});
