import { describe, expect, it } from "vitest";
import { Misconfigured, Throttled } from "../../lib/core/errors.ts";
import type { Replica } from "../../lib/core/vault.ts";
import { rotateNow, rotateUrgently, rotationSteps } from "../../lib/engine/rotate.ts";
import { CI, FIRST, memoryWorld, version } from "../support/world.ts";

type World = ReturnType<typeof memoryWorld>;
const attempt = (world: World, n = 1) => ({
  credential: CI,
  version: version(n),
  actor: { kind: "schedule", principal: "test" } as const,
  signal: world.wired().signal,
});
const region = (state: string): Replica => ({ region: "eu-north-1", state });

/** A replica that is being copied to for so long after the next version was stored. */
const copying = (ms: number) => {
  const world = memoryWorld();
  const since = world.clock.ticks();
  const seen: string[] = [];
  world.memory.replicate(CI, () => {
    const state = world.clock.ticks() - since < ms ? "InProgress" : "InSync";
    seen.push(`${state} ${world.memory.labels(CI).current === FIRST ? "before" : "after"}`);
    return [region(state)];
  });
  return { world, seen };
};

describe("a secret with replica regions", () => {
  it.each(["one-shot", "native"] as const)(
    "moves its label only once every region has the version: %s",
    async (way) => {
      const { world, seen } = copying(5_000);
      const { rotate } = world.wired();
      if (way === "one-shot") await rotateNow(rotate, attempt(world));
      else {
        world.memory.begin(CI, version(1));
        const run = rotationSteps(rotate);
        for (const step of ["createSecret", "setSecret", "testSecret", "finishSecret"] as const)
          await run(step, attempt(world));
      }
      expect(world.memory.labels(CI).current).toBe(version(1));
      expect(seen.filter((one) => one.startsWith("InProgress")).length).toBeGreaterThan(3);
      expect(seen).not.toContain("InProgress after");
    },
  );

  it("is tried again when a region takes long, with its version kept", async () => {
    const { world } = copying(90_000);
    const { rotate } = world.wired();
    const error = await rotateNow(rotate, attempt(world)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(Throttled);
    expect(String(error)).toContain("eu-north-1");
    expect(world.memory.labels(CI).current).toBe(FIRST);
    await rotateNow(rotate, attempt(world));
    expect(world.memory.labels(CI).current).toBe(version(1));
    expect(world.logsIn(version(1))).toBe(true);
  });

  it("is not promoted past a region that failed, and says what mends it", async () => {
    const world = memoryWorld();
    world.memory.replicate(CI, () => [region("Failed")]);
    const error = await rotateNow(world.wired().rotate, attempt(world)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(Misconfigured);
    expect(String(error)).toContain("replicate-secret-to-regions");
    expect(world.memory.labels(CI).current).toBe(FIRST);
    expect(world.logsIn(FIRST)).toBe(true);
  });

  it("holds up no containment", async () => {
    const world = memoryWorld();
    world.memory.replicate(CI, () => [region("InProgress")]);
    await rotateUrgently(world.wired().rotate, attempt(world));
    expect(world.memory.labels(CI).current).toBe(version(1));
  });
});
