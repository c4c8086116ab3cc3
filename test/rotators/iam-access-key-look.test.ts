import { describe, expect, it } from "vitest";
import { connect } from "../../lib/rotators/iam-access-key/verbs.ts";
import { localAws } from "../support/local-aws.ts";
import { type IamWorld, iamWorld, type Pair } from "./iam-world.ts";

const aws = localAws();
const newWorld = (options?: Parameters<typeof iamWorld>[1]) => iamWorld(aws().endpoint, options);

const signal = AbortSignal.timeout(120_000);
const at = (world: IamWorld) => ({ target: world.target, signal });

const rotated = async (world: IamWorld, current: Pair, previous?: Pair) => {
  const next = await world.verbs.issue({
    ...at(world),
    current: world.material(current),
    previous: previous && world.material(previous),
  });
  await world.verbs.install({ ...at(world), next, current: world.material(current) });
  return next;
};

const uses = (world: IamWorld, pair: Pair) =>
  connect(world.deps).uses({ ...at(world), material: world.material(pair) });

describe("uses", () => {
  it("tells when, for which service and where the key was used last, and nothing of a key that never was", async () => {
    const world = await newWorld();
    const [used, fresh] = [await world.newKey(), await world.newKey()];
    expect(await world.works(used)).toBe(true);
    const use = await uses(world, used);
    expect(use.by).toEqual([{ who: "sqs in us-east-1", count: 1 }]);
    expect(Math.abs(Date.parse(use.lastUsedAt ?? "") - Date.now())).toBeLessThan(5_000);
    expect(await uses(world, fresh)).toEqual({ by: [] });
  });

  it("does not count Rekey's own probe of a new key", async () => {
    const world = await newWorld();
    const next = await rotated(world, await world.newKey());
    expect(await uses(world, next.reveal())).toEqual({ by: [] });
  });

  it("says Forbidden for a key of a user that Rekey may not look at", async () => {
    const world = await newWorld({ path: "/people/" });
    await expect(uses(world, await world.newKey())).rejects.toMatchObject({ name: "Forbidden" });
  });
});

describe("inspect", () => {
  const inspected = (world: IamWorld, pair: Pair) =>
    connect(world.deps).inspect({ ...at(world), current: world.material(pair) });
  const verdicts = async (world: IamWorld, pair: Pair) => (await inspected(world, pair)).map(({ verdict }) => verdict);

  it("finds a healthy key well, and does not use it", async () => {
    const world = await newWorld();
    const pair = await world.newKey();
    expect(await verdicts(world, pair)).toEqual(["well", "well", "well"]);
    expect(await uses(world, pair)).toEqual({ by: [] });
  });

  it("finds a stranger in the second slot, a dead current key, and a user that is not Rekey's", async () => {
    const world = await newWorld();
    const [current, stranger] = [await world.newKey(), await world.newKey()];
    await world.deactivate(current.accessKeyId);
    expect(await inspected(world, current)).toMatchObject([
      { check: "ownership", verdict: "well" },
      { check: "slots", verdict: "unknown", found: expect.stringContaining(stranger.accessKeyId) },
      { check: "current version", verdict: "ill", mend: "Rotate it." },
    ]);
    const other = await newWorld({ path: "/people/" });
    expect(await inspected(other, await other.newKey())).toMatchObject([
      { verdict: "ill", mend: expect.stringMatching(/update-user.*tag-user/) },
    ]);
  });
});
