import { describe, expect, it } from "vitest";
import { Conflict, Misconfigured, Unreachable, Unusable } from "../../lib/core/errors.ts";
import { failure, started } from "../support/providers/all.ts";
import { anthropic } from "../support/providers/anthropic.ts";
import { worldOf } from "../support/providers/world.ts";

// The contract suite is about rotation, which this provider's API has no call for; these are its laws of containment.
describe("anthropic-api-key, which a person makes", () => {
  it("dies by a revoke, twice is once, and a stranger's lives on", async () => {
    const world = worldOf(await started(anthropic()));
    const [leaked, stranger] = [world.first(), world.first()];
    await world.works(leaked);
    await world.revoke(leaked);
    await world.revoke(leaked);
    expect(await failure(world.works(leaked))).toBeInstanceOf(Unusable);
    await world.works(stranger);
  });

  it("says that nothing can be issued in its place, so that its incident ends with the kill", async () => {
    const world = worldOf(await started(anthropic()));
    expect((await world.revoke(world.first())).containedOnly).toMatch(/makes no keys/);
  });

  it("is left alone where it is kept, whatever else the two versions say", async () => {
    const world = worldOf(await started(anthropic()));
    const current = world.first();
    await world.revoke(current, [world.held({ ...current.reveal(), note: "other" })]);
    await world.works(current);
  });

  it("comes back by a restore, twice is once, also from a repeated revoke", async () => {
    const world = worldOf(await started(anthropic()));
    const key = world.first();
    await world.revoke(key);
    const { undo } = await world.revoke(key);
    await world.restore(key, undo);
    await world.restore(key, undo);
    await world.works(key);
  });

  it("does not come back once a person has removed it, and revoking it then succeeds", async () => {
    const provider = await started(anthropic());
    const world = worldOf(provider);
    const key = world.first();
    provider.remove(String(key.reveal().keyId));
    const { undo } = await world.revoke(key);
    expect(await failure(world.restore(key, undo))).toBeInstanceOf(Conflict);
  });

  it("is not rotated: the attempt says who has to do what, and changes nothing", async () => {
    const provider = await started(anthropic());
    const world = worldOf(provider);
    const [current, previous] = [world.first(), world.first()];
    await world.sweep([current]);
    const error = await failure(world.rotate(current, previous));
    expect(error).toBeInstanceOf(Misconfigured);
    expect(error.message).toMatch(/no API of provider anthropic-api-key makes one.*by hand/);
    expect(provider.asked.filter(({ method }) => method !== "GET")).toEqual([]);
    await world.works(previous);
  });

  it("is in doubt while the provider does not answer", async () => {
    const provider = await started(anthropic());
    const world = worldOf(provider);
    const key = world.first();
    provider.interrupt(() => true, "hang up", 99);
    expect(await failure(world.works(key))).toBeInstanceOf(Unreachable);
    expect(await failure(world.revoke(key))).toBeInstanceOf(Unreachable);
  });
});
