import { DeleteServiceSpecificCredentialCommand, IAMClient, TagUserCommand } from "@aws-sdk/client-iam";
import { describe, expect, it } from "vitest";
import { Unusable } from "../../lib/core/errors.ts";
import rotator from "../../lib/rotators/iam-service-credential.ts";
import { localAws } from "../support/local-aws.ts";
import { idOf, serviceCredentialWorld } from "./service-credential-world.ts";

const aws = localAws(5771);
const newWorld = (options?: Parameters<typeof serviceCredentialWorld>[1]) =>
  serviceCredentialWorld(aws().endpoint, options);

describe("revoke and restore", () => {
  it("leaves a kept one alone even if it is asked to end that very one", async () => {
    const world = await newWorld();
    const material = await world.make();
    await world.verbs.revoke({ ...world.at, material, keep: [material] });
    await world.verbs.verify({ ...world.at, material });
  });

  it("cannot restore what was deleted, and says to rotate", async () => {
    const world = await newWorld();
    const material = await world.make();
    await world.root.send(
      new DeleteServiceSpecificCredentialCommand({ UserName: world.user, ServiceSpecificCredentialId: idOf(material) }),
    );
    await world.verbs.revoke({ ...world.at, material, keep: [] });
    await expect(world.verbs.restore({ ...world.at, material, undo: {} })).rejects.toThrow(/cannot come back. Rotate/);
  });

  it("puts back what an attacker has set active again", async () => {
    const world = await newWorld();
    const material = await world.make();
    await world.verbs.revoke({ ...world.at, material, keep: [] });
    await world.setStatus(material, "Active");
    await world.verbs.revoke({ ...world.at, material, keep: [] });
    await expect(world.verbs.verify({ ...world.at, material })).rejects.toBeInstanceOf(Unusable);
  });
});

describe("inspect", () => {
  const verdicts = async (world: Awaited<ReturnType<typeof newWorld>>, current: Parameters<typeof idOf>[0]) =>
    Object.fromEntries(
      (await world.verbs.inspect({ ...world.at, current })).map(({ check, verdict }) => [check, verdict]),
    );

  it("finds a healthy one well", async () => {
    const world = await newWorld();
    expect(await verdicts(world, await world.make())).toEqual({
      ownership: "well",
      slots: "well",
      "current version": "well",
      trial: "well",
    });
  });

  it("finds a stranger in the second slot, an inactive current one, and a user that may not make the call", async () => {
    const world = await newWorld();
    const [current] = [await world.make(), await world.make()];
    await world.setStatus(current, "Inactive");
    expect(await verdicts(world, current)).toMatchObject({ slots: "unknown", "current version": "ill", trial: "ill" });
    const mute = await newWorld({ allowed: ["sqs:ListQueues"] });
    expect(await verdicts(mute, await mute.make())).toMatchObject({ "current version": "well", trial: "ill" });
  });
});

describe("grants", () => {
  it("do not let Rekey take a user over by tagging it", async () => {
    const world = await newWorld({ path: "/people/" });
    const iam = world.deps.aws(IAMClient);
    const tag = (UserName: string, Key: string) =>
      iam.send(new TagUserCommand({ UserName, Tags: [{ Key, Value: "true" }] }));
    await expect(tag(world.user, "rekey:managed")).rejects.toThrow(/not authorized/);
    const mine = await newWorld();
    await expect(tag(mine.user, "team")).rejects.toThrow(/not authorized/);
    await tag(mine.user, "rekey:issuing/bedrock");
  });
});

describe("tags", () => {
  const accepts = (tags: object) => rotator.target.safeParse(tags).success;
  it("ask for a repository where a credential is tried at one, and only there", () => {
    expect(accepts({ user: "u", service: "codecommit.amazonaws.com" })).toBe(false);
    expect(accepts({ user: "u", service: "codecommit.amazonaws.com", repository: "orders" })).toBe(true);
    expect(accepts({ user: "u", service: "bedrock.amazonaws.com", repository: "orders" })).toBe(false);
    expect(accepts({ user: "u", service: "codecommit.amazonaws.com", repository: "a/b?c" })).toBe(false);
  });
  it("refuse services whose credentials cannot be tried, and an age that IAM does not take", () => {
    expect(accepts({ user: "u", service: "cassandra.amazonaws.com" })).toBe(false);
    expect(accepts({ user: "u", service: "bedrock.amazonaws.com", ageDays: "0" })).toBe(false);
    expect(accepts({ user: "u", service: "bedrock.amazonaws.com", ageDays: "36601" })).toBe(false);
    expect(accepts({ user: "u", service: "bedrock.amazonaws.com", ageDays: "36600" })).toBe(true);
  });
});
