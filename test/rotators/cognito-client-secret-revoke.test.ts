import { createHmac } from "node:crypto";
import {
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  InitiateAuthCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { describe, expect, it } from "vitest";
import { Conflict, Unusable } from "../../lib/core/errors.ts";
import type { Secret } from "../../lib/core/secret.ts";
import type { Material } from "../../lib/rotators/cognito-client-secret/schema.ts";
import { localAws } from "../support/local-aws.ts";
import { proxied } from "./aws-proxy.ts";
import { type CognitoWorld, cognitoWorld } from "./cognito-world.ts";

const aws = localAws(5773);
const newWorld = (options?: Parameters<typeof cognitoWorld>[1]) => cognitoWorld(aws().endpoint, options);
const refused = (world: CognitoWorld, material: Secret<Material>) =>
  expect(world.verbs.verify({ ...world.at, material })).rejects.toBeInstanceOf(Unusable);

/** Signs a user in with the client's secret, as an application's server does: SECRET_HASH is made with it. */
const signIn = async ({ cognito, target: { client } }: CognitoWorld, held: Secret<Material>, Username: string) => {
  const { clientSecret } = held.reveal();
  const SECRET_HASH = createHmac("sha256", clientSecret).update(`${Username}${client}`).digest("base64");
  return cognito.send(
    new InitiateAuthCommand({
      AuthFlow: "USER_PASSWORD_AUTH",
      ClientId: client,
      AuthParameters: { USERNAME: Username, PASSWORD: "Correct-horse-7", SECRET_HASH },
    }),
  );
};

const newUser = async ({ cognito, target }: CognitoWorld): Promise<string> => {
  const named = { UserPoolId: target.userPool, Username: "ada" };
  await cognito.send(new AdminCreateUserCommand({ ...named, MessageAction: "SUPPRESS" }));
  await cognito.send(new AdminSetUserPasswordCommand({ ...named, Password: "Correct-horse-7", Permanent: true }));
  return named.Username;
};

describe("revoke", () => {
  it("ends what the workload does with it: tokens and sign-ins, while the replacement's go on", async () => {
    const world = await newWorld();
    const user = await newUser(world);
    const next = await world.rotated(world.current);
    for (const held of [world.current, next])
      expect((await signIn(world, held, user)).AuthenticationResult).toBeDefined();
    await world.verbs.revoke({ ...world.at, material: world.current, keep: [next] });
    expect((await world.token(world.current)).body.error).toBe("invalid_client");
    await expect(signIn(world, world.current, user)).rejects.toThrow(/Unable to verify secret hash/);
    expect((await world.token(next)).body.access_token).toBeDefined();
    expect((await signIn(world, next, user)).AuthenticationResult).toBeDefined();
  });

  it("revokes the new one as well as the old one, whichever is compromised", async () => {
    const world = await newWorld();
    const next = await world.rotated(world.current);
    await world.verbs.revoke({ ...world.at, material: next, keep: [world.current] });
    await refused(world, next);
    await world.verbs.verify({ ...world.at, material: world.current });
  });

  it("puts a placeholder in the last one's stead that nobody knows, and makes room from it later", async () => {
    const world = await newWorld();
    const before = await world.ids();
    const { undo } = await world.verbs.revoke({ ...world.at, material: world.current, keep: [] });
    await refused(world, world.current);
    const [placeholder] = await world.ids();
    expect(before).not.toContain(placeholder);
    expect(undo).toEqual({ placeholder });
    expect(await world.poolTags()).toMatchObject({ [`rekey:locked/${world.target.client}`]: placeholder });
    const next = await world.rotated(world.current);
    const after = await world.rotated(next, world.current);
    expect(await world.ids()).not.toContain(placeholder);
    for (const held of [next, after]) expect((await world.token(held)).status).toBe(200);
  });

  it("revokes both, one after the other, and leaves only the placeholder", async () => {
    const world = await newWorld();
    const next = await world.rotated(world.current);
    for (const material of [next, world.current]) await world.verbs.revoke({ ...world.at, material, keep: [] });
    for (const material of [next, world.current]) await refused(world, material);
    expect(await world.ids()).toEqual(Object.values(await world.poolTags()).filter((tag) => tag !== "true"));
  });

  it("kills although the pool cannot be tagged", async () => {
    const world = await newWorld();
    const mute = await proxied(aws().endpoint, ({ body }) => (body.includes("ResourceArn") ? "cut" : undefined));
    await world.verbsAt(mute.endpoint).revoke({ ...world.at, material: world.current, keep: [] });
    await mute.stop();
    await refused(world, world.current);
  });

  it("spares a kept version of the same value", async () => {
    const world = await newWorld();
    await world.verbs.revoke({ ...world.at, material: world.current, keep: [world.current] });
    await world.verbs.verify({ ...world.at, material: world.current });
  });

  it("touches nothing of a stranger's when the material is refused already", async () => {
    const world = await newWorld();
    const next = await world.rotated(world.current);
    await world.verbs.revoke({ ...world.at, material: world.current, keep: [next] });
    const stranger = await world.addByHand();
    await world.verbs.revoke({ ...world.at, material: world.current, keep: [next] });
    expect((await world.token(stranger.held)).status).toBe(200);
    expect((await world.token(next)).status).toBe(200);
    // As a hold does, minutes after somebody has mended an outage by hand.
    await world.verbs.revoke({ ...world.at, material: next, keep: [] });
    const mended = await world.addByHand();
    await world.verbs.revoke({ ...world.at, material: next, keep: [] });
    for (const { held } of [stranger, mended]) expect((await world.token(held)).status).toBe(200);
  });

  it("does not end access tokens that were issued: they live until they expire", async () => {
    const world = await newWorld();
    const user = await newUser(world);
    const { AuthenticationResult } = await signIn(world, world.current, user);
    await world.verbs.revoke({ ...world.at, material: world.current, keep: [] });
    const answer = await fetch(`${aws().endpoint}/oauth2/userInfo`, {
      headers: { authorization: `Bearer ${AuthenticationResult?.AccessToken}` },
    });
    // Refused for its scope, if at all, never as expired or revoked.
    expect(await answer.text()).not.toMatch(/expired|revoked/);
  });
});

describe("restore", () => {
  it("puts the value back in the placeholder's stead", async () => {
    const world = await newWorld();
    const { undo } = await world.verbs.revoke({ ...world.at, material: world.current, keep: [] });
    await world.verbs.restore({ ...world.at, material: world.current, undo });
    expect((await world.token(world.current)).status).toBe(200);
    expect(await world.ids()).toHaveLength(1);
  });

  it("puts it back beside its replacement, and both can still be told apart", async () => {
    const world = await newWorld();
    const next = await world.rotated(world.current);
    const { undo } = await world.verbs.revoke({ ...world.at, material: world.current, keep: [next] });
    await world.verbs.restore({ ...world.at, material: world.current, undo });
    for (const held of [world.current, next]) expect((await world.token(held)).status).toBe(200);
    await world.verbs.revoke({ ...world.at, material: world.current, keep: [next] });
    await refused(world, world.current);
    await world.verbs.verify({ ...world.at, material: next });
  });

  it("leaves it dead when two newer ones have taken both places", async () => {
    const world = await newWorld();
    const second = await world.rotated(world.current);
    const { undo } = await world.verbs.revoke({ ...world.at, material: world.current, keep: [second] });
    await world.rotated(second);
    await expect(world.verbs.restore({ ...world.at, material: world.current, undo })).rejects.toBeInstanceOf(Conflict);
    expect(await world.ids()).toHaveLength(2);
  });
});
