import { describe, expect, it } from "vitest";
import type { Consumer } from "../../lib/core/adoption.ts";
import { Throttled } from "../../lib/core/errors.ts";
import { againMs, RetirePolicy } from "../../lib/core/retiring.ts";
import { secret } from "../../lib/core/secret.ts";
import type { CredentialId } from "../../lib/core/types.ts";
import type { RotateWorld } from "../../lib/engine/attempt.ts";
import { retireDue } from "../../lib/engine/retire.ts";
import { rotateNow, rotateUrgently } from "../../lib/engine/rotate.ts";
import { Crash, faults } from "../support/faults.ts";
import { CI, FIRST, memoryWorld, version } from "../support/world.ts";

type World = ReturnType<typeof memoryWorld>;
const HOUR = 3_600_000;

const tagged = (retire?: string) => {
  const world = memoryWorld();
  const tags = { "rekey:kind": "demo", "rekey:user": "ci", ...(retire && { "rekey:retire": retire }) };
  world.memory.declare(CI, tags, secret({ userName: "ci", key: "first-key-of-ci" }));
  return world;
};
const attempt = (world: World, n: number, credential = CI) => ({
  credential,
  version: version(n),
  actor: { kind: "schedule", principal: "test" } as const,
  signal: world.wired().signal,
});
const rotated = async (world: World, n = 1) => rotateNow(world.wired().rotate, attempt(world, n));
const look = async (world: World, consumers: readonly Consumer[] = []) => {
  const { rotate, respond } = world.wired();
  const list = { list: async () => consumers };
  const { network, clock } = respond();
  const fence = { look: async () => "same" as const };
  const looks = await retireDue(
    { fence, list: world.retiring, consumers: list, network, ledger: rotate.ledger, clock },
    100,
  );
  if (looks === "restored") throw new Error("it was not restored");
  return looks;
};

describe("the must-die list", () => {
  it("takes the replaced version and keeps it until it was tried and refused", async () => {
    const world = tagged("1 hour");
    await rotated(world);
    expect(await world.retiring.all()).toMatchObject([{ credential: CI, version: FIRST, whenAdopted: false }]);
    expect(await look(world)).toEqual([]);
    expect(world.logsIn(FIRST)).toBe(true);
    world.clock.advance(HOUR);
    expect(await look(world)).toMatchObject([{ outcome: "retired" }]);
    expect(world.logsIn(FIRST)).toBe(false);
    expect(world.logsIn(version(1))).toBe(true);
    expect(await world.retiring.all()).toEqual([]);
    expect(world.rows.at(-1)).toMatchObject({ type: "version.retired", data: { version: FIRST } });
  });

  it("leaves a version alone that is in force again", async () => {
    const world = tagged("1 hour");
    await rotated(world);
    await world.memory.vault.promote(CI, FIRST, version(1));
    world.clock.advance(HOUR);
    expect(await look(world)).toMatchObject([{ outcome: "in force" }]);
    expect(world.logsIn(FIRST)).toBe(true);
    expect(await world.retiring.all()).toEqual([]);
  });

  it("waits as long as a consumer has not acknowledged its successor, and says who", async () => {
    const world = tagged("adopted");
    await rotated(world);
    world.clock.advance(HOUR);
    const late = { name: "billing", version: FIRST, at: world.clock.now(), by: "test" };
    const [waiting] = await look(world, [late]);
    expect(waiting).toMatchObject({ outcome: "waits", why: expect.stringContaining("billing") });
    expect(world.logsIn(FIRST)).toBe(true);
    expect(await look(world, [late])).toEqual([]);
    world.clock.advance(HOUR);
    expect(await look(world, [{ ...late, version: version(1) }])).toMatchObject([{ outcome: "retired" }]);
    expect(world.logsIn(FIRST)).toBe(false);
  });

  it("waits for nobody when the version was replaced twice", async () => {
    const world = tagged("adopted");
    await rotated(world, 1);
    await rotated(world, 2);
    world.clock.advance(HOUR);
    const late = { name: "billing", version: FIRST, at: world.clock.now(), by: "test" };
    const looks = await look(world, [late]);
    expect(looks.find(({ entry }) => entry.version === FIRST)?.outcome).toBe("retired");
    expect(world.logsIn(FIRST)).toBe(false);
    expect(world.logsIn(version(1))).toBe(true);
  });

  it("looks again, later each time, where the target does not answer", async () => {
    const world = tagged("1 hour");
    await rotated(world);
    world.clock.advance(HOUR);
    world.provider.reachable = false;
    expect(await look(world)).toMatchObject([{ outcome: "failed", why: expect.stringContaining("does not answer") }]);
    expect(await world.retiring.all()).toMatchObject([
      { attempts: 1, why: expect.stringContaining("does not answer") },
    ]);
    world.provider.reachable = true;
    world.clock.advance(HOUR);
    expect(await look(world)).toMatchObject([{ outcome: "retired" }]);
    expect(againMs(1)).toBeGreaterThan(againMs(0));
    expect(againMs(50)).toBe(6 * HOUR);
  });

  it("holds the version whatever call of the rotation dies", async () => {
    const probe = faults();
    await rotateNow(tagged("1 hour").wired(probe).rotate, attempt(tagged(), 1));
    for (let at = 1; at <= probe.calls.length; at++) {
      const world = tagged("1 hour");
      await rotateNow(world.wired(faults(at, "done")).rotate, attempt(world, 1)).catch((error) => {
        if (!(error instanceof Crash || error.name === "Crash")) throw error;
      });
      const replaced = world.memory.labels(CI).current === version(1);
      const listed = (await world.retiring.all()).some((entry) => entry.version === FIRST);
      expect(listed || !replaced, `lost at ${probe.calls[at - 1]}`).toBe(true);
    }
  });

  it("does nothing by a list that was restored from a backup, and says so once", async () => {
    const world = tagged("1 hour");
    await rotated(world);
    world.clock.advance(HOUR);
    const { rotate, respond } = world.wired();
    const { network, clock } = respond();
    const consumers = { list: async () => [] };
    const fence = { look: async () => "restored" as const };
    const opened = {
      fence,
      list: world.retiring,
      consumers,
      vault: rotate.vault,
      network,
      ledger: rotate.ledger,
      clock,
    };
    expect(await retireDue(opened, 100)).toBe("restored");
    expect(await retireDue(opened, 100)).toBe("restored");
    expect(world.logsIn(FIRST)).toBe(true);
    expect(world.rows.filter(({ type }) => type === "state.restored")).toHaveLength(1);
  });

  it("is not used where the tag leaves it to the next rotation", async () => {
    const world = tagged("next");
    await rotated(world);
    expect(await world.retiring.all()).toEqual([]);
  });

  it("reads the tag", () => {
    expect(RetirePolicy.safeParse(undefined).data).toEqual({ whenAdopted: true, afterMs: null });
    expect(RetirePolicy.safeParse("2 days").data).toEqual({ whenAdopted: false, afterMs: 48 * HOUR });
    expect(RetirePolicy.safeParse("soon").success).toBe(false);
  });
});

describe("the turn at a target", () => {
  const TWIN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:demo/twin-AbCdEf" as CredentialId;
  const twins = () => {
    const world = tagged("next");
    const tags = { "rekey:kind": "demo", "rekey:user": "ci", "rekey:retire": "next" };
    world.memory.declare(TWIN, tags, secret({ userName: "ci", key: "first-key-of-ci" }));
    return world;
  };
  const stuck = (world: World, credential: CredentialId) =>
    rotateNow(world.wired(faults(1)).rotate, attempt(world, 1, credential)).catch(() => undefined);

  /** Its function dies with the turn in hand. */
  const cut = (rotate: RotateWorld): RotateWorld => ({
    ...rotate,
    vault: { ...rotate.vault, stage: () => Promise.reject(new Error("cut")) },
    locks: { ...rotate.locks, release: async () => undefined },
  });

  it("is given to one of two secrets that share a login, and the other hears who has it", async () => {
    const world = twins();
    const { rotate } = world.wired();
    const dies = cut(rotate);
    await rotateNow(dies, attempt(world, 1)).catch(() => undefined);
    const error = await rotateNow(rotate, attempt(world, 2, TWIN)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(Throttled);
    expect(String(error)).toContain(CI);
    expect(world.memory.labels(TWIN).pending).toBeUndefined();
  });

  it("passes on when its rotation has failed", async () => {
    const world = twins();
    const { rotate } = world.wired();
    const fails = { ...rotate, vault: { ...rotate.vault, stage: () => Promise.reject(new Error("no")) } };
    await rotateNow(fails, attempt(world, 1)).catch(() => undefined);
    await rotateNow(rotate, attempt(world, 2, TWIN));
    expect(world.memory.labels(TWIN).current).toBe(version(2));
  });

  it("passes on when its rotation is done, or ten minutes after it died", async () => {
    const world = twins();
    const { rotate } = world.wired();
    await rotateNow(rotate, attempt(world, 1));
    await rotateNow(rotate, attempt(world, 2, TWIN));
    await rotateNow(cut(rotate), attempt(world, 3)).catch(() => undefined);
    world.clock.advance(11 * 60_000);
    await rotateNow(rotate, attempt(world, 4, TWIN));
    expect(world.memory.labels(TWIN).current).toBe(version(4));
  });

  it("is no obstacle to a containment, nor are a ledger and a list that do not answer", async () => {
    const world = twins();
    await stuck(world, TWIN);
    const away = () => Promise.reject(new Error("away"));
    const { rotate } = world.wired();
    const deaf = { ledger: { append: away }, locks: { take: away, release: away }, retiring: { add: away } };
    const reply = await rotateUrgently({ ...rotate, ...deaf }, attempt(world, 1));
    expect(reply.events?.map(({ type }) => type)).toEqual(["rotation.started", "rotation.succeeded"]);
    expect(world.memory.labels(CI).current).toBe(version(1));
    await expect(rotateNow({ ...rotate, ...deaf }, attempt(world, 2))).rejects.toThrow("away");
  });
});
