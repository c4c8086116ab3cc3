import { describe, expect, it } from "vitest";
import { Misconfigured } from "../../lib/core/errors.ts";
import type { Rotator, RotatorVerbs, Use } from "../../lib/core/types.ts";
import { acknowledge, uses } from "../../lib/engine/adoption.ts";
import { rotateNow } from "../../lib/engine/rotate.ts";
import { memoryConsumers } from "../../lib/memory/consumers.ts";
import { CI, FIRST, memoryWorld, version } from "../support/world.ts";

const actor = { kind: "human", principal: "arn:aws:iam::111122223333:user/ann" } as const;

const rotated = async () => {
  const world = memoryWorld();
  const { rotate, signal } = world.wired();
  await rotateNow(rotate, { credential: CI, version: version(1), actor, signal });
  return { ...world, rotate, signal };
};
/** The same rotator with a target that tells who uses a version. */
const telling = (rotators: readonly Rotator[], told: RotatorVerbs<unknown, unknown>["uses"]): readonly Rotator[] =>
  rotators.map((rotator) => ({
    ...rotator,
    connect: (deps) => ({ ...rotator.connect(deps), ...(told && { uses: told }) }),
  }));

describe("uses", () => {
  it("asks for current and previous, each with its own material, and takes a doubt for a doubt", async () => {
    const { rotate, signal } = await rotated();
    const use: Use = { sessions: 1, by: [{ who: "web", count: 1 }] };
    const rotators = telling(rotate.rotators, async ({ material }) => {
      if ((material.reveal() as { key: string }).key === "first-key-of-ci")
        throw new Error("no answer for first-key-of-ci");
      return use;
    });
    const { versions } = await uses({ ...rotate, rotators }, { verb: "uses", credential: CI }, signal);
    expect(versions).toMatchObject([
      { version: version(1), stage: "current", use },
      { version: FIRST, stage: "previous", doubt: "no answer for [secret]" },
    ]);
  });

  it("says nothing of a kind that cannot tell", async () => {
    const { rotate, signal } = await rotated();
    const { kind, versions } = await uses(rotate, { verb: "uses", credential: CI }, signal);
    expect(kind).toBe("demo");
    expect(versions.map(({ stage, use, doubt }) => [stage, use, doubt])).toEqual([
      ["current", undefined, undefined],
      ["previous", undefined, undefined],
    ]);
  });
});

describe("a consumer", () => {
  const arranged = async () => {
    const { memory, rotate, rows } = await rotated();
    const consumers = memoryConsumers();
    const said = { credential: CI, consumer: "web", actor };
    const world = { vault: memory.vault, consumers, ledger: rotate.ledger, clock: rotate.clock };
    return { consumers, said, world, rows };
  };

  it("is registered by what it acknowledges; the ledger hears of each version once", async () => {
    const { consumers, said, world, rows } = await arranged();
    expect(await acknowledge(world, { ...said, version: FIRST })).toEqual({ isCurrent: false });
    expect(await acknowledge(world, { ...said, version: version(1) })).toEqual({ isCurrent: true });
    await acknowledge(world, { ...said, version: version(1) });
    expect(await consumers.list(CI)).toMatchObject([{ name: "web", version: version(1), by: actor.principal }]);
    expect(rows.filter(({ type }) => type === "consumer.acknowledged")).toHaveLength(2);
  });

  it("leaves the registry when it is gone", async () => {
    const { consumers, said, world } = await arranged();
    await acknowledge(world, { ...said, version: version(1) });
    await acknowledge(world, { ...said, version: null });
    expect(await consumers.list(CI)).toEqual([]);
  });

  it("cannot work with a version that carries no label", async () => {
    const { consumers, said, world, rows } = await arranged();
    const before = rows.length;
    await expect(acknowledge(world, { ...said, version: version(7) })).rejects.toBeInstanceOf(Misconfigured);
    expect([await consumers.list(CI), rows.length]).toEqual([[], before]);
  });
});
