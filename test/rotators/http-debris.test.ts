import { describe, expect, it } from "vitest";
import { Throttled, Unreachable } from "../../lib/core/errors.ts";
import { all, failure, started } from "../support/providers/all.ts";
import { datadog } from "../support/providers/datadog.ts";
import { github } from "../support/providers/github.ts";
import { openai } from "../support/providers/openai.ts";
import { type Loopback, worldOf } from "../support/providers/world.ts";

describe.each(["datadog", "entra", "openai", "okta"] as const)("%s, a crash between create and store", (name) => {
  it("is cleaned up by the next attempt: the unknown key goes, a stranger's and another secret's stay", async () => {
    const provider = await started<Loopback>(all[name]());
    const world = worldOf(provider);
    const current = world.first();
    const others = name === "okta" ? [] : [world.first(), await world.rotate(world.first())];
    provider.interrupt(provider.isCreate, "answered, then hang up");
    const before = provider.count();
    expect(await failure(world.rotate(current))).toBeInstanceOf(Unreachable);
    expect(provider.count()).toBe(before + 1);
    await world.sweep([current]);
    expect(provider.count()).toBe(before);
    await world.works(await world.rotate(current));
    await world.works(current);
    for (const other of others) await world.works(other);
  });

  it("never has more than two versions, however often it is rotated", async () => {
    const provider = await started<Loopback>(all[name]());
    const world = worldOf(provider);
    let [previous, current] = [world.first(), world.first()];
    for (let i = 0; i < 3; i++) {
      await world.sweep([current, previous]);
      [previous, current] = [current, await world.rotate(current, previous)];
      expect(provider.count()).toBe(2);
    }
    await world.works(current);
    await world.works(previous);
  });
});

describe("the limit of an organization", () => {
  it("is said before a key is asked for, and what makes room is not another secret's key", async () => {
    const provider = await started(datadog({ limit: 3 }));
    const world = worldOf(provider);
    const [current, previous, other] = [world.first(), world.first(), world.first()];
    const error = await failure(world.rotate(current));
    expect(error.message).toMatch(/3 keys and may be 3/);
    await world.works(await world.rotate(current, previous));
    await world.works(other);
  });
});

describe("who still uses a key", () => {
  it("is told where the provider tells when it was last used", async () => {
    for (const start of [datadog, openai]) {
      const world = worldOf(await started<Loopback>(start()));
      const [used, unused] = [world.first(), world.first()];
      await world.works(used);
      expect(await world.uses(used)).toMatchObject({ lastUsedAt: expect.stringMatching(/^2026-11-23T/) });
      expect(await world.uses(unused)).toEqual({ by: [] });
    }
  });
});

describe("lists", () => {
  it("are read to their end: debris on a later page is found", async () => {
    for (const start of [datadog, openai]) {
      const provider = await started<Loopback>(start());
      const world = worldOf(provider);
      for (let i = 0; i < 230; i++) provider.first();
      const current = world.first();
      provider.interrupt(provider.isCreate, "answered, then hang up");
      await failure(world.rotate(current));
      await world.sweep([current]);
      expect(provider.count()).toBe(231);
    }
  });
});

describe("github", () => {
  it("is shown a JWT that the App's key signed, PKCS #1 as GitHub gives it", async () => {
    const provider = await started(github());
    const world = worldOf(provider);
    await world.works(await world.rotate(world.first()));
    expect(await provider.areSigned()).toBe(true);
  });

  it("takes a limit said with 403 for a limit", async () => {
    const provider = await started(github());
    const world = worldOf(provider);
    const headers = { "x-ratelimit-remaining": "0", "retry-after": "600" };
    provider.interrupt(provider.isCreate, { status: 403, headers, body: { message: "API rate limit exceeded" } });
    expect(await failure(world.rotate(world.first()))).toBeInstanceOf(Throttled);
  });
});
