import { GetUserPolicyCommand, type IAMClient, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { describe, expect, it } from "vitest";
import { Unusable } from "../../lib/core/errors.ts";
import { mapSecret, type Secret } from "../../lib/core/secret.ts";
import type { Deps } from "../../lib/core/types.ts";
import iamAccessKey from "../../lib/rotators/iam-access-key.ts";
import { localAws } from "../support/local-aws.ts";
import { type IamWorld, iamWorld, type Pair } from "./iam-world.ts";

const aws = localAws();
const newWorld = (options?: Parameters<typeof iamWorld>[1]) => iamWorld(aws().endpoint, options);

const signal = AbortSignal.timeout(120_000);
const at = (world: IamWorld) => ({ target: world.target, signal });
const POLICY = "RekeyRevokeSessions";

const denial = async ({ root, user }: { readonly root: IAMClient; readonly user: string }) => {
  try {
    const { PolicyDocument } = await root.send(new GetUserPolicyCommand({ UserName: user, PolicyName: POLICY }));
    return decodeURIComponent(PolicyDocument ?? "");
  } catch {
    return undefined;
  }
};

const wrong = (material: Secret<Pair & { readonly userName: string }>) =>
  mapSecret(material, (pair) => ({ ...pair, secretAccessKey: `${pair.secretAccessKey.slice(0, -4)}AAAA` }));

describe("verify", () => {
  it("takes an unknown key, a wrong secret half and an inactive key for refused", async () => {
    const world = await newWorld();
    const pair = await world.newKey();
    const unknown = world.material({ ...pair, accessKeyId: "AKIAIOSFODNN7EXAMPLE" });
    for (const material of [unknown, wrong(world.material(pair))]) {
      await expect(world.verbs.verify({ ...at(world), material })).rejects.toBeInstanceOf(Unusable);
    }
    await world.deactivate(pair.accessKeyId);
    await expect(world.verbs.verify({ ...at(world), material: world.material(pair) })).rejects.toBeInstanceOf(Unusable);
  });

  it("takes a wrong clock of its own for doubt, though AWS answers as to a wrong key", async () => {
    const world = await newWorld();
    const late: Deps["aws"] = (Client, config) => world.deps.aws(Client, { ...config, systemClockOffset: -3_600_000 });
    const verbs = iamAccessKey.connect({ ...world.deps, aws: late });
    const failure = verbs.verify({ ...at(world), material: world.material(await world.newKey()) });
    await expect(failure).rejects.toThrow(/Signature expired/);
    await expect(failure).rejects.not.toBeInstanceOf(Unusable);
  });

  it("waits at install until the key is accepted three times in a row, and gives up by the signal", async () => {
    const world = await newWorld();
    const pair = await world.newKey();
    await world.deactivate(pair.accessKeyId);
    const next = world.material(pair);
    const brief = { target: world.target, signal: AbortSignal.timeout(700) };
    await expect(world.verbs.install({ ...brief, next, current: undefined })).rejects.toThrow(/timeout|abort/i);
    const waiting = world.verbs.install({ ...at(world), next, current: undefined });
    await world.verbs.restore?.({ ...at(world), material: next, undo: {} });
    await waiting;
  });
});

describe("revoke", () => {
  it("ends the sessions that the leaked key minted, spares the user's other key, and is undone", async () => {
    const world = await newWorld();
    const [leaked, other] = [await world.newKey(), await world.newKey()];
    const sessions = [await world.sessionOf(leaked), await world.federationOf(leaked)];
    for (const session of sessions) expect(await world.works(session)).toBe(true);
    const { undo, sessionsEnded } = await world.verbs.revoke({
      ...at(world),
      material: world.material(leaked),
      keep: [world.material(other)],
    });
    expect(sessionsEnded).toBe(0);
    expect(await world.works(leaked)).toBe(false);
    for (const session of sessions) expect(await world.works(session)).toBe(false);
    expect(await world.works(other)).toBe(true);
    expect(await world.keys()).toMatchObject({ [other.accessKeyId]: "Active" });

    await world.verbs.restore?.({ ...at(world), material: world.material(leaked), undo });
    expect(await denial(world)).toBeUndefined();
    for (const credentials of [leaked, other, ...sessions]) expect(await world.works(credentials)).toBe(true);
  });

  it("puts the denial back when an attacker has removed it, and does not move one that reaches far enough", async () => {
    const world = await newWorld();
    const leaked = world.material(await world.newKey());
    const first = await world.verbs.revoke({ ...at(world), material: leaked, keep: [] });
    const before = await denial(world);
    const again = await world.verbs.revoke({ ...at(world), material: leaked, keep: [] });
    expect(await denial(world)).toBe(before);
    expect(again.undo).toEqual(first.undo);
    await world.verbs.restore?.({ ...at(world), material: leaked, undo: first.undo });
    await world.verbs.revoke({ ...at(world), material: leaked, keep: [] });
    expect(await denial(world)).toContain("aws:TokenIssueTime");
  });

  it("keeps others' statements in the policy of its name, and leaves a later containment's denial in place", async () => {
    const world = await newWorld();
    const leaked = world.material(await world.newKey());
    const theirs = { Sid: "Theirs", Effect: "Deny", Action: "s3:DeleteBucket", Resource: "*" };
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [theirs] });
    await world.root.send(new PutUserPolicyCommand({ UserName: world.user, PolicyName: POLICY, PolicyDocument }));
    const { undo } = await world.verbs.revoke({ ...at(world), material: leaked, keep: [] });
    expect(await denial(world)).toMatch(/Theirs.*TokenIssueTime/);
    await world.verbs.restore?.({ ...at(world), material: leaked, undo: { cutoff: "2020-01-01T00:00:00.000Z" } });
    expect(await denial(world)).toMatch(/TokenIssueTime/);
    await world.verbs.restore?.({ ...at(world), material: leaked, undo });
    expect(await denial(world)).toMatch(/Theirs/);
    expect(await denial(world)).not.toMatch(/TokenIssueTime/);
  });

  it("leaves the key of a kept version alone even if it is asked to end that very key", async () => {
    const world = await newWorld();
    const pair = await world.newKey();
    await world.verbs.revoke({ ...at(world), material: world.material(pair), keep: [world.material(pair)] });
    expect(await world.works(pair)).toBe(true);
  });

  it("fits the quota of a user's inline policies", async () => {
    const world = await newWorld();
    await world.verbs.revoke({ ...at(world), material: world.material(await world.newKey()), keep: [] });
    const characters = (await denial(world))?.replace(/\s/g, "").length;
    expect(characters).toBeLessThan(200);
  });
});
