import { describe, expect, it } from "vitest";
import { Unusable } from "../../lib/core/errors.ts";
import type { VersionId } from "../../lib/core/types.ts";
import { revoke } from "../../lib/engine/revoke.ts";
import { rotateNow } from "../../lib/engine/rotate.ts";
import { httpRotator } from "../../lib/rotators/http.ts";
import { failure, started } from "../support/providers/all.ts";
import { datadog } from "../support/providers/datadog.ts";
import { entra } from "../support/providers/entra.ts";
import { okta } from "../support/providers/okta.ts";
import { type Loopback, worldOf } from "../support/providers/world.ts";
import { CI, memoryWorld, version } from "../support/world.ts";

/** The engine over Maps, with a credential of this kind at a loopback provider. */
const engine = (provider: Loopback) => {
  const { deps, held, works, target } = worldOf(provider);
  const { memory, wired } = memoryWorld();
  const tags = Object.entries({ ...target, kind: "http" }).map(([name, value]) => [`rekey:${name}`, String(value)]);
  memory.declare(CI, Object.fromEntries(tags), held(provider.first()));
  const { rotate, signal } = wired();
  const world = { ...rotate, deps, clock: deps.clock, rotators: [httpRotator()] };
  const actor = { kind: "human", principal: "a test" } as const;
  return {
    world,
    signal,
    rotate: (n: number, over: Partial<typeof world> = {}) =>
      rotateNow({ ...world, ...over }, { credential: CI, version: version(n), actor, signal }),
    materialOf: (id: VersionId) => held(memory.value(CI, id)?.reveal() as object),
    labels: async () => (await world.vault.describe(CI)).labels,
    works,
  };
};

const providers = { datadog, entra, okta };

describe.each(Object.entries(providers))("the engine over %s", (_, start) => {
  it("repairs a crash between making and storing: one current version that works, and no key that nobody holds", async () => {
    const provider = await started<Loopback>(start());
    const { world, rotate, labels, materialOf, works } = engine(provider);
    const stage = () => Promise.reject(new Error("Secrets Manager went away"));
    await expect(rotate(1, { vault: { ...world.vault, stage } })).rejects.toThrow("went away");
    expect(provider.count()).toBe(2);
    await rotate(2);
    const { current, previous } = await labels();
    expect(current).toBe(version(2));
    expect(provider.count()).toBe(2);
    await works(materialOf(version(2)));
    if (previous) await works(materialOf(previous));
    await rotate(3);
    await rotate(4);
    expect(provider.count()).toBe(2);
    await works(materialOf(version(4)));
  });

  it("replaces what it has killed: the leaked key is refused, its replacement works", async () => {
    const provider = await started<Loopback>(start());
    const { world, signal, rotate, labels, materialOf, works } = engine(provider);
    const { current: leaked } = await labels();
    const { killed } = await revoke(world, { verb: "revoke", credential: CI, doomed: "current" }, signal);
    expect(killed).toHaveLength(1);
    await rotate(1);
    await works(materialOf(version(1)));
    if (leaked) expect(await failure(works(materialOf(leaked)))).toBeInstanceOf(Unusable);
    await rotate(2);
    await works(materialOf(version(2)));
    expect(provider.count()).toBe(2);
  });
});
