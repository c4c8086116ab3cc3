import { describe, expect, it } from "vitest";
import { Misconfigured, Throttled } from "../../lib/core/errors.ts";
import rotator from "../../lib/rotators/iam-service-credential.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { localAws } from "../support/local-aws.ts";
import { proxied, THROTTLED } from "./aws-proxy.ts";
import { BEDROCK, idOf, serviceCredentialWorld } from "./service-credential-world.ts";

const aws = localAws(5770);
const newWorld = (options?: Parameters<typeof serviceCredentialWorld>[1]) =>
  serviceCredentialWorld(aws().endpoint, options);

/** Nothing listens on port 9 of a test machine. */
const CLOSED = "http://127.0.0.1:9";

// `sessions`: each request authenticates by itself, there is none to end.
for (const service of [BEDROCK, "codecommit.amazonaws.com"] as const) {
  rotatorContract(
    `iam-service-credential, ${service}`,
    async () => {
      const world = await newWorld({ service });
      return {
        rotator,
        deps: world.deps,
        target: world.target,
        current: await world.make(),
        stranger: world.make,
        unreachable: () => ({ deps: world.aimedAt(CLOSED) }),
      };
    },
    { lacks: ["sessions"] },
  );
}

describe("slots", () => {
  it("never touches the current one, and deletes this secret's previous one for room", async () => {
    const world = await newWorld();
    const [previous, current] = [await world.make(), await world.make()];
    const next = await world.rotated(current, previous);
    expect(await world.statuses()).toEqual({ [idOf(current)]: "Active", [idOf(next)]: "Active" });
    await world.verbs.verify({ ...world.at, material: current });
  });

  it("refuses when the second is a stranger's, names both with the mend, and touches neither", async () => {
    const world = await newWorld();
    const [foreign, current] = [await world.make(), await world.make()];
    const failure = world.rotated(current);
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(
      new RegExp(`${idOf(current)}.*${idOf(foreign)}.*delete-service-specific-credential`),
    );
    expect(Object.values(await world.statuses())).toEqual(["Active", "Active"]);
  });

  it("deletes an inactive one for room where the path makes it Rekey's, and not by tag alone", async () => {
    const [byPath, byTag] = [await newWorld(), await newWorld({ path: "/", tags: { "rekey:managed": "true" } })];
    for (const world of [byPath, byTag]) {
      const [stale, current] = [await world.make(), await world.make()];
      await world.setStatus(stale, "Inactive");
      const attempt = world.rotated(current);
      if (world === byTag) await expect(attempt).rejects.toBeInstanceOf(Misconfigured);
      else await attempt;
      expect(idOf(stale) in (await world.statuses())).toBe(world === byTag);
    }
  });

  it("counts each service's slots apart", async () => {
    const world = await newWorld();
    const git = await newWorld({ service: "codecommit.amazonaws.com" });
    const current = await world.make();
    await git.make();
    await world.rotated(current);
    expect(Object.keys(await world.statuses())).toHaveLength(2);
  });

  it("lets a key expire by itself when tag rekey:ageDays says so", async () => {
    const world = await newWorld({ ageDays: "30" });
    const next = await world.verbs.issue({ ...world.at, current: undefined, previous: undefined });
    const found = await world.verbs.inspect({ ...world.at, current: next });
    expect(found.find(({ check }) => check === "expiry")).toMatchObject({ verdict: "well" });
    const short = await newWorld({ ageDays: "3" });
    const soon = await short.verbs.issue({ ...short.at, current: undefined, previous: undefined });
    expect(
      (await short.verbs.inspect({ ...short.at, current: soon })).find(({ check }) => check === "expiry"),
    ).toMatchObject({
      verdict: "ill",
    });
  });
});

describe("ownership", () => {
  it("refuses a user that is neither under the path nor tagged, with the mend", async () => {
    const world = await newWorld({ path: "/people/" });
    const current = await world.make();
    const failure = world.rotated(current);
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(/update-user.*--new-path \/rekey\/.*tag-user/);
    await expect(world.verbs.revoke({ ...world.at, material: current, keep: [] })).rejects.toMatchObject({
      name: "Forbidden",
    });
    expect(await world.statuses()).toEqual({ [idOf(current)]: "Active" });
    expect(await world.verbs.inspect({ ...world.at, current })).toMatchObject([{ check: "ownership", verdict: "ill" }]);
  });

  it("works for a tagged user outside the path, the sweep of its own orphan included", async () => {
    const world = await newWorld({ path: "/", tags: { "rekey:managed": "true" } });
    const current = await world.make();
    const orphan = await world.verbs.issue({ ...world.at, current, previous: undefined });
    await world.verbs.sweep({ ...world.at, keep: [current] });
    expect(idOf(orphan) in (await world.statuses())).toBe(false);
    const next = await world.rotated(current);
    await world.verbs.revoke({ ...world.at, material: current, keep: [next] });
    expect(await world.statuses()).toEqual({ [idOf(current)]: "Inactive", [idOf(next)]: "Active" });
  });
});

describe("a crash between creation and storing", () => {
  it("leaves an orphan, when the answer is lost, that the next attempt deletes", async () => {
    const world = await newWorld();
    const current = await world.make();
    const lossy = await proxied(aws().endpoint, ({ body }) =>
      body.includes("CreateServiceSpecific") ? "lose" : undefined,
    );
    const verbs = world.verbsAt(lossy.endpoint);
    await expect(verbs.issue({ ...world.at, current, previous: undefined })).rejects.toMatchObject({
      name: "Unreachable",
    });
    await lossy.stop();
    expect(Object.keys(await world.statuses())).toHaveLength(2);
    await world.verbs.sweep({ ...world.at, keep: [current] });
    expect(await world.statuses()).toEqual({ [idOf(current)]: "Active" });
    await world.rotated(current);
  });

  it("is not taken for one when the version was stored and a stranger made another since", async () => {
    const world = await newWorld();
    const first = await world.verbs.issue({ ...world.at, current: undefined, previous: undefined });
    const stranger = await world.make();
    await world.verbs.sweep({ ...world.at, keep: [first] });
    expect(Object.keys(await world.statuses()).sort()).toEqual([idOf(first), idOf(stranger)].sort());
  });

  it("spares what was there before the intent, and what came long after it", async () => {
    const world = await newWorld();
    const stranger = await world.make();
    const late = {
      ...world.deps,
      clock: { ...world.deps.clock, now: () => world.deps.clock.after(world.deps.clock.now(), -600_000) },
    };
    await rotator.connect(late).issue({ ...world.at, current: undefined, previous: undefined });
    await world.verbs.sweep({ ...world.at, keep: [] });
    expect(Object.keys(await world.statuses())).toHaveLength(2);
    expect(idOf(stranger) in (await world.statuses())).toBe(true);
  });
});

describe("trouble on the way", () => {
  it("says Throttled when IAM asks to come later, and has changed nothing", async () => {
    const world = await newWorld();
    const current = await world.make();
    const busy = await proxied(aws().endpoint, ({ path }) => (path === "/" ? THROTTLED : undefined));
    const verbs = world.verbsAt(busy.endpoint);
    const attempts = [
      verbs.issue({ ...world.at, current, previous: undefined }),
      verbs.revoke({ ...world.at, material: current, keep: [] }),
      verbs.sweep({ ...world.at, keep: [current] }),
    ];
    for (const attempt of attempts) await expect(attempt).rejects.toBeInstanceOf(Throttled);
    await busy.stop();
    expect(await world.statuses()).toEqual({ [idOf(current)]: "Active" });
  });

  it("notes its intent before it creates: without the right to do so, it creates nothing", async () => {
    const world = await newWorld();
    const mute = await proxied(aws().endpoint, ({ body }) => (body.includes("Action=TagUser") ? "cut" : undefined));
    const issued = world.verbsAt(mute.endpoint).issue({ ...world.at, current: undefined, previous: undefined });
    await expect(issued).rejects.toMatchObject({ name: "Unreachable" });
    await mute.stop();
    expect(await world.statuses()).toEqual({});
  });
});
