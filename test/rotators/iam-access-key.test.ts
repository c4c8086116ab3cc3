import { describe, expect, it } from "vitest";
import { Misconfigured } from "../../lib/core/errors.ts";
import iamAccessKey from "../../lib/rotators/iam-access-key.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { localAws } from "../support/local-aws.ts";
import { type IamWorld, iamWorld, type Pair } from "./iam-world.ts";

const aws = localAws();
const newWorld = (options?: Parameters<typeof iamWorld>[1]) => iamWorld(aws().endpoint, options);

const signal = AbortSignal.timeout(120_000);
const at = (world: IamWorld) => ({ target: world.target, signal });

// `sessions`: IAM neither counts sessions nor tells which of a user's keys minted one, so the general laws (one ended,
// the kept key's spared) cannot hold; what does hold of them is tested below.
rotatorContract(
  "iam-access-key",
  async () => {
    const world = await newWorld();
    const current = await world.newKey();
    return {
      rotator: iamAccessKey,
      deps: world.deps,
      target: world.target,
      current: world.material(current),
      stranger: async () => {
        const pair = await world.newKey();
        expect(await world.works(pair)).toBe(true);
        return world.material(pair);
      },
      unreachable: () => ({
        deps: { ...world.deps, aws: (Client, config) => world.deps.aws(Client, { ...config, endpoint: CLOSED }) },
      }),
    };
  },
  { lacks: ["sessions"] },
);

/** Nothing listens on port 9 of a test machine. */
const CLOSED = "http://127.0.0.1:9";

const rotated = async (world: IamWorld, current: Pair, previous?: Pair) => {
  const next = await world.verbs.issue({
    ...at(world),
    current: world.material(current),
    previous: previous && world.material(previous),
  });
  await world.verbs.install({ ...at(world), next, current: world.material(current) });
  return next;
};

describe("key slots", () => {
  it("never touches the current key, and deletes this secret's previous one for room", async () => {
    const world = await newWorld();
    const [previous, current] = [await world.newKey(), await world.newKey()];
    const next = await rotated(world, current, previous);
    expect(await world.keys()).toEqual({ [current.accessKeyId]: "Active", [next.reveal().accessKeyId]: "Active" });
    expect(await world.works(current)).toBe(true);
  });

  it("refuses when the second key is a stranger's, names both and touches neither", async () => {
    const world = await newWorld();
    const [foreign, current] = [await world.newKey(), await world.newKey()];
    const failure = rotated(world, current);
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(
      new RegExp(`${current.accessKeyId}.*${foreign.accessKeyId}.*delete-access-key`),
    );
    expect(Object.values(await world.keys())).toEqual(["Active", "Active"]);
  });

  it("deletes an inactive key for room where the path makes it Rekey's, and not by tag alone", async () => {
    const [byPath, byTag] = [await newWorld(), await newWorld({ path: "/", tags: { "rekey:managed": "true" } })];
    for (const world of [byPath, byTag]) {
      const [stale, current] = [await world.newKey(), await world.newKey()];
      await world.deactivate(stale.accessKeyId);
      const attempt = rotated(world, current);
      if (world === byTag) await expect(attempt).rejects.toBeInstanceOf(Misconfigured);
      else await attempt;
      expect(stale.accessKeyId in (await world.keys())).toBe(world === byTag);
      expect(await world.works(current)).toBe(true);
    }
  });

  it("makes room from the dead current key's neighbour when a leaked key is replaced", async () => {
    const world = await newWorld();
    const [previous, leaked] = [await world.newKey(), await world.newKey()];
    await world.verbs.revoke({ ...at(world), material: world.material(leaked), keep: [] });
    const next = await rotated(world, leaked, previous);
    expect(await world.keys()).toEqual({ [leaked.accessKeyId]: "Inactive", [next.reveal().accessKeyId]: "Active" });
  });

  it("deletes neither a dead current key nor its stranger neighbour", async () => {
    const world = await newWorld();
    const [foreign, leaked] = [await world.newKey(), await world.newKey()];
    await world.verbs.revoke({ ...at(world), material: world.material(leaked), keep: [] });
    await expect(rotated(world, leaked)).rejects.toBeInstanceOf(Misconfigured);
    expect(await world.keys()).toEqual({ [leaked.accessKeyId]: "Inactive", [foreign.accessKeyId]: "Active" });
  });

  it("issues the first key of a user that has none", async () => {
    const world = await newWorld();
    const next = await world.verbs.issue({ ...at(world), current: undefined, previous: undefined });
    expect(next.reveal()).toMatchObject({ userName: world.user });
    expect(Object.keys(await world.keys())).toEqual([next.reveal().accessKeyId]);
  });
});

describe("ownership", () => {
  it("refuses a user that is neither under the path nor tagged, with the mend, by its own role's limits", async () => {
    const world = await newWorld({ path: "/people/" });
    const current = await world.newKey();
    const failure = rotated(world, current);
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(/update-user.*--new-path \/rekey\/.*tag-user/);
    await expect(world.verbs.revoke({ ...at(world), material: world.material(current), keep: [] })).rejects.toThrow();
    expect(await world.works(current)).toBe(true);
  });

  it("works for a tagged user outside the path", async () => {
    const world = await newWorld({ path: "/", tags: { "rekey:managed": "true" } });
    const current = await world.newKey();
    const next = await rotated(world, current);
    await world.verbs.revoke({ ...at(world), material: world.material(current), keep: [next] });
    expect(await world.works(current)).toBe(false);
    expect(await world.works(next.reveal())).toBe(true);
  });

  it("sweeps nothing of a user that is only tagged", async () => {
    const world = await newWorld({ path: "/", tags: { "rekey:managed": "true" } });
    const [current, unknown] = [await world.newKey(), await world.newKey()];
    await world.verbs.sweep?.({ ...at(world), keep: [world.material(current)] });
    expect(await world.works(unknown)).toBe(true);
  });

  it("says whose key it is when the secret holds another user's", async () => {
    const [mine, other] = [await newWorld(), await newWorld()];
    const material = mine.material(await other.newKey());
    await expect(mine.verbs.verify({ ...at(mine), material })).rejects.toThrow(
      new RegExp(`belongs to .*${other.user}, not to IAM user ${mine.user}`),
    );
  });
});
