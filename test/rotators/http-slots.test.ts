import { describe, expect, it } from "vitest";
import { Conflict, Forbidden, Misconfigured, Unusable } from "../../lib/core/errors.ts";
import { failure, started } from "../support/providers/all.ts";
import { okta } from "../support/providers/okta.ts";
import { snowflake } from "../support/providers/snowflake.ts";
import { worldOf } from "../support/providers/world.ts";

describe("okta's two slots", () => {
  it("that a stranger's secret fills are said to be full, with its id, and nothing is removed", async () => {
    const provider = await started(okta());
    const world = worldOf(provider);
    const [current, stranger] = [world.first(), provider.first()];
    const error = await failure(world.rotate(current));
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toContain(stranger.keyId);
    expect(error.message).not.toContain(stranger.clientSecret);
    expect(provider.count()).toBe(2);
  });

  it("give the last active secret a stand-in that nobody knows, so that it dies; its replacement clears up", async () => {
    const provider = await started(okta());
    const world = worldOf(provider);
    const leaked = world.first();
    await world.revoke(leaked);
    expect(await failure(world.works(leaked))).toBeInstanceOf(Unusable);
    expect(provider.kept.map(({ status }) => status)).toEqual(["INACTIVE", "ACTIVE"]);
    await world.sweep([leaked]);
    const next = await world.rotate(leaked);
    await world.works(next);
    const later = await (async () => {
      await world.sweep([next, leaked]);
      return world.rotate(next, leaked);
    })();
    await world.works(later);
    expect(provider.kept.every(({ id }) => [next, later].some((held) => held.reveal().keyId === id))).toBe(true);
  });

  it("restore what was revoked, until it has made room", async () => {
    const provider = await started(okta());
    const world = worldOf(provider);
    const leaked = world.first();
    const { undo } = await world.revoke(leaked);
    await world.rotate(leaked);
    const restoring = world.restore(leaked, undo);
    expect(await failure(restoring)).toBeInstanceOf(Conflict);
  });
});

describe("snowflake's two slots", () => {
  it("take turns, and only the public half is sent", async () => {
    const provider = await started(snowflake());
    const world = worldOf(provider);
    let [previous, current] = [world.first(), world.first()];
    for (let i = 0; i < 2; i++) [previous, current] = [current, await world.rotate(current, previous)];
    expect(
      provider.statements.filter((text) => text.startsWith("ALTER")).map((text) => text.replace(/ = .*/, "")),
    ).toEqual([
      expect.stringMatching(/UNSET RSA_PUBLIC_KEY$/),
      expect.stringMatching(/ SET RSA_PUBLIC_KEY$/),
      expect.stringMatching(/UNSET RSA_PUBLIC_KEY_2$/),
      expect.stringMatching(/ SET RSA_PUBLIC_KEY_2$/),
    ]);
    expect(JSON.stringify(provider.asked)).not.toContain("PRIVATE KEY");
  });

  it("that a stranger's key fills are said to be full, and swept only where all keys are Rekey's", async () => {
    const provider = await started(snowflake());
    const world = worldOf(provider);
    const [current, stranger] = [world.first(), world.first()];
    await world.sweep([current]);
    const error = await failure(world.rotate(current));
    expect(error.message).toMatch(/RSA_PUBLIC_KEY_2 with SHA256:/);
    await world.works(stranger);
    await world.sweep([current], "all");
    expect(await failure(world.works(stranger))).toBeInstanceOf(Unusable);
    await world.works(await world.rotate(current));
  });

  it("are found by either way that DESCRIBE USER is documented to name its columns", async () => {
    const names = ["property", "property_type", "property_value", "property_default"];
    const plain = await started(snowflake({ names }));
    const world = worldOf(plain);
    const current = world.first();
    await world.revoke(current);
    expect(plain.count()).toBe(0);
  });

  it("are not written while a statement is still running: that is asked again", async () => {
    const provider = await started(snowflake());
    const world = worldOf(provider);
    const current = world.first();
    provider.interrupt(provider.isCreate, { status: 202, body: { code: "333334", statementHandle: "h" } });
    await world.works(await world.rotate(current));
  });

  it("need a right that the answer names", async () => {
    const provider = await started(snowflake());
    const world = worldOf({ ...provider, admin: { ...provider.admin, role: "PUBLIC" } });
    expect(await failure(world.revoke(world.first()))).toBeInstanceOf(Forbidden);
  });
});
