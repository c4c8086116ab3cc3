import { expect } from "vitest";
import { Misconfigured, Unusable } from "../../lib/core/errors.ts";
import { secretsIn } from "../../lib/core/sanitize.ts";
import { secret } from "../../lib/core/secret.ts";
import { act, type Case, expectNoSecret, failureOf, law, lawFor, must, visible, withNote } from "./rotator-act.ts";

/** Says of itself what is true, and nothing secret. */
const description = <T, M>(): readonly Case<T, M>[] => [
  law("has an example that passes its own schemas", async ({ rotator }) => {
    expect(rotator.target.safeParse(rotator.example.tags).success).toBe(true);
    expect(rotator.material.safeParse(rotator.example.material).success).toBe(true);
  }),
  law("says of itself which strategy it takes and whether it restores", async ({ rotator, deps, target }) => {
    expect(rotator.strategies).toContain(rotator.strategy(target));
    expect(rotator.connect(deps).restore !== undefined).toBe(rotator.restores);
  }),
  law("says of itself to what it can be narrowed, and then can take that back", async ({ rotator, deps }) => {
    const verbs = rotator.connect(deps);
    const narrows = rotator.scopes !== undefined;
    expect([verbs.scope, verbs.rescope, verbs.widen].map((verb) => verb !== undefined)).toEqual(Array(3).fill(narrows));
  }),
  lawFor(
    "locks the same thing before and after a rotation, and says so without a secret",
    ["rotation"],
    async (world) => {
      const { rotator, target, current } = world;
      const next = await act(world).issue();
      const lock = rotator.identity(target, current.reveal(), "111122223333");
      expect(rotator.identity(target, next.reveal(), "111122223333")).toBe(lock);
      expectNoSecret(lock, [current, next]);
    },
  ),
  law("keeps fields of the material that it does not know", async ({ rotator }) => {
    const parsed = rotator.material.safeParse({ ...rotator.example.material, contractNote: "kept" });
    expect(parsed.data).toMatchObject({ contractNote: "kept" });
  }),
  law("asks for no bare * action", async ({ rotator }) => {
    for (const action of rotator.grants.flatMap(({ actions }) => actions)) {
      expect(action).toMatch(/^[a-z0-9-]+:[A-Za-z]+$/);
    }
  }),
  law("names its credential by identifiers that hold no secret", async (world) => {
    const isIssued = !world.rotator.containedOnly && !world.rotator.byPeople;
    const next = isIssued ? [await act(world).issue()] : [];
    for (const material of [world.current, ...next]) {
      const names = world.rotator.identifiers(world.target, material.reveal(), "111122223333");
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect(name).toMatch(/^[a-z][a-z-]*:\S+$/);
      expectNoSecret(names.join(" "), [material]);
    }
  }),
];

/** What only people do, nobody here pretends to. */
const people = <T, M>(): readonly Case<T, M>[] => [
  law("leaves to people what it says that only they can do", async (world) => {
    const { byPeople } = world.rotator;
    if (!byPeople) return;
    expect(byPeople).toMatch(/\.$/);
    const { issue, install, works, revoke } = act(world);
    const tries = [issue(), install(world.current), works(world.current), revoke(world.current, [])];
    for (const error of await Promise.all(tries.map(failureOf))) {
      expect(error).toMatchObject({ name: "AwaitingPerson" });
      expectNoSecret(visible(error), [world.current]);
    }
  }),
];

/** Never locks the workload out. */
const rotation = <T, M>(): readonly Case<T, M>[] => [
  lawFor("issues material that its own schema accepts", ["rotation"], async (world) => {
    const next = await act(world).issue();
    expect(world.rotator.material.safeParse(next.reveal()).success).toBe(true);
    expect(secretsIn(next.reveal()).length).toBeGreaterThan(0);
  }),
  lawFor("issues with the fields that only the workload knows", ["rotation"], async (world) => {
    const noted = withNote(world.rotator.material, world.current.reveal());
    const current = secret(noted);
    expect((await act({ ...world, current }).issue()).reveal()).toMatchObject({ contractNote: "kept" });
  }),
  lawFor("installs a credential that verifies", ["rotation"], async (world) => {
    const { rotate, works } = act(world);
    await works(await rotate());
  }),
  lawFor("leaves the workload a working credential at every step", ["rotation"], async (world) => {
    const { overlaps, issue, install, works } = act(world);
    await works(world.current);
    const next = await issue();
    await works(world.current);
    await install(next);
    await works(next);
    if (overlaps) await works(world.current);
  }),
  lawFor("installs twice as if once", ["rotation"], async (world) => {
    const { overlaps, rotate, install, works } = act(world);
    const next = await rotate();
    await install(next);
    await works(next);
    if (overlaps) await works(world.current);
  }),
  law("says of what it never rotates why, and then changes nothing", async (world) => {
    if (!world.rotator.containedOnly) return;
    expect(world.rotator.containedOnly).toMatch(/\.$/);
    const { issue, install, works } = act(world);
    expect(await failureOf(issue())).toBeInstanceOf(Misconfigured);
    expect(await failureOf(install(world.current))).toBeInstanceOf(Misconfigured);
    await works(world.current);
  }),
];

/** Dead is tried and refused. */
const revocation = <T, M>(): readonly Case<T, M>[] => [
  law("revokes for good: the next try is refused", async (world) => {
    const { revoke, refused } = act(world);
    await revoke(world.current, []);
    await refused(world.current);
  }),
  lawFor("revokes what a replacement has taken over from, and spares the replacement", ["rotation"], async (world) => {
    const { rotate, revoke, refused, works } = act(world);
    const next = await rotate();
    await revoke(world.current, [next]);
    await refused(world.current);
    await works(next);
  }),
  law("revokes twice as if once, without a replacement", async (world) => {
    const { revoke, refused } = act(world);
    await revoke(world.current, []);
    await revoke(world.current, []);
    await refused(world.current);
  }),
  lawFor("revokes twice as if once", ["rotation"], async (world) => {
    const { rotate, revoke, refused, works } = act(world);
    const next = await rotate();
    await revoke(world.current, [next]);
    await revoke(world.current, [next]);
    await refused(world.current);
    await works(next);
    await revoke(next, []);
    await revoke(next, []);
    await refused(next);
  }),
  law("reports of a revoke an undo without secrets and times that make sense", async (world) => {
    const done = await act(world).revoke(world.current, []);
    expectNoSecret(JSON.stringify(done), [world.current]);
    expect(done.sessionsEnded).toBeGreaterThanOrEqual(0);
    expect(done.settlesInMs).toBeGreaterThanOrEqual(0);
  }),
  lawFor("ends the sessions that the material opened", ["sessions"], async (world) => {
    const openSession = must(world.openSession, "openSession");
    const session = await openSession(world.current.reveal());
    expect(await session.alive()).toBe(true);
    const done = await act(world).revoke(world.current, []);
    expect(await session.alive()).toBe(false);
    expect(done.sessionsEnded).toBe(1);
  }),
  lawFor(
    "ends them too when a replacement is in force, whose own go on where two may work",
    ["sessions", "rotation"],
    async (w) => {
      const openSession = must(w.openSession, "openSession");
      const { overlaps, rotate, revoke } = act(w);
      const before = await openSession(w.current.reveal());
      const next = await rotate();
      const after = await openSession(next.reveal());
      await revoke(w.current, [next]);
      expect(await before.alive()).toBe(false);
      if (overlaps && !w.sharesSessions) expect(await after.alive()).toBe(true);
    },
  ),
  lawFor("spares a kept version's sessions begun after `begunBefore`", ["sessions", "rotation"], async (world) => {
    const openSession = must(world.openSession, "openSession");
    const { rotate, revoke } = act(world);
    const next = await rotate();
    await revoke(world.current, [next]);
    await world.deps.clock.sleep(5);
    const begunBefore = world.deps.clock.now();
    await world.deps.clock.sleep(world.tellsWithinMs ?? 5);
    const session = await openSession(next.reveal());
    await revoke(world.current, [next], { begunBefore });
    expect(await session.alive()).toBe(true);
  }),
];

/** Undo, doubt and clean-up. */
const recovery = <T, M>(): readonly Case<T, M>[] => [
  lawFor("restores: it authenticates again, and twice is once", ["restore"], async (world) => {
    const { revoke, restore, refused, works } = act(world);
    const { undo } = await revoke(world.current, []);
    await refused(world.current);
    await restore(world.current, undo);
    await works(world.current);
    await restore(world.current, undo);
    await works(world.current);
  }),
  lawFor("restores from the undo of a repeated revoke as well", ["restore"], async (world) => {
    const { revoke, restore, works } = act(world);
    await revoke(world.current, []);
    const { undo } = await revoke(world.current, []);
    await restore(world.current, undo);
    await works(world.current);
  }),
  lawFor("takes an unreachable target for doubt, never for death", ["unreachable"], async (world) => {
    const aimed = { ...world, ...must(world.unreachable, "unreachable")(world.current) };
    const material = aimed.material ?? world.current;
    const { works, revoke } = act(aimed);
    for (const error of [await failureOf(works(material)), await failureOf(revoke(material, []))]) {
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(Unusable);
      expectNoSecret(visible(error), [material]);
    }
  }),
  law("shows no material in a refusal", async (world) => {
    const { works, revoke } = act(world);
    await revoke(world.current, []);
    expectNoSecret(visible(await failureOf(works(world.current))), [world.current]);
  }),
  lawFor("sweeps the orphan of a crash between issue and storing", ["sweep"], async (world) => {
    const { issue, sweep, refused, works, worksSoon } = act(world);
    const orphan = await issue();
    // One that does not work yet would be refused without having been swept.
    await worksSoon(orphan);
    await sweep([world.current]);
    await refused(orphan);
    await works(world.current);
    await sweep([world.current]);
    await works(world.current);
  }),
  lawFor("sweeps nothing that is kept", ["sweep"], async (world) => {
    const { rotate, sweep, works } = act(world);
    const next = await rotate();
    await sweep([world.current, next]);
    await works(next);
    await works(world.current);
  }),
  lawFor("sweeps nothing of a stranger's: it may complain, but not remove", ["sweep", "stranger"], async (world) => {
    const other = await must(world.stranger, "stranger")();
    const { sweep, works } = act(world);
    await sweep([world.current]).catch(() => undefined);
    await works(other);
    await works(world.current);
  }),
];

/** Every law of the contract. */
export const rotatorCases = <T, M>(): readonly Case<T, M>[] => [
  ...description<T, M>(),
  ...people<T, M>(),
  ...[...rotation<T, M>(), ...revocation<T, M>(), ...recovery<T, M>()].map(
    (one): Case<T, M> => ({ ...one, needs: [...one.needs, "acts"] }),
  ),
];
