import { describe, expect, it } from "vitest";
import { Misconfigured, Throttled } from "../../lib/core/errors.ts";
import { mapSecret } from "../../lib/core/secret.ts";
import rotator from "../../lib/rotators/cognito-client-secret.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { localAws } from "../support/local-aws.ts";
import { proxied, type Trouble } from "./aws-proxy.ts";
import { cognitoWorld } from "./cognito-world.ts";

const aws = localAws(5772);
const newWorld = (options?: Parameters<typeof cognitoWorld>[1]) => cognitoWorld(aws().endpoint, options);

/** Nothing listens on port 9 of a test machine. */
const CLOSED = "http://127.0.0.1:9";
/** https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AddUserPoolClientSecret.html, its errors. */
const TOO_MANY: Trouble = {
  status: 400,
  type: "application/x-amz-json-1.1",
  body: '{"__type":"TooManyRequestsException","message":"Rate exceeded"}',
};

// `sessions`: issued access tokens live until they expire, whatever becomes of the secret; tested below.
// `sweep`, and so `stranger`: the value is ours and stored before it is added, so that a crash orphans nothing.
rotatorContract(
  "cognito-client-secret",
  async () => {
    const { deps, target, current, aimedAt } = await newWorld();
    return { rotator, deps, target, current, unreachable: () => ({ deps: aimedAt(CLOSED) }) };
  },
  { lacks: ["sessions", "sweep", "stranger"] },
);

describe("slots", () => {
  it("rotates on and on: the previous goes, the current never", async () => {
    const world = await newWorld();
    let [previous, current] = [world.current, await world.rotated(world.current)];
    for (let turn = 0; turn < 3; turn++) {
      const next = await world.rotated(current, previous);
      expect((await world.ids()).length).toBe(2);
      expect((await world.token(current)).status).toBe(200);
      expect((await world.token(next)).status).toBe(200);
      expect((await world.token(previous)).body.error).toBe("invalid_client");
      [previous, current] = [current, next];
    }
  });

  it("issues without changing anything", async () => {
    const world = await newWorld();
    const next = await world.rotated(world.current);
    const before = await world.ids();
    await world.verbs.issue({ ...world.at, current: next, previous: world.current });
    expect(await world.ids()).toEqual(before);
    expect((await world.token(world.current)).status).toBe(200);
  });

  it("refuses when the second is a stranger's, names it with the mend, and touches neither", async () => {
    const world = await newWorld();
    const current = await world.rotated(world.current);
    await world.verbs.revoke({ ...world.at, material: world.current, keep: [current] });
    const stranger = await world.addByHand();
    const failure = world.rotated(current, world.current);
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(
      new RegExp(`${stranger.id} is not in this secret.*delete-user-pool-client-secret`),
    );
    expect((await world.token(current)).status).toBe(200);
    expect((await world.token(stranger.held)).status).toBe(200);
  });

  it("asks which is which when Rekey made neither, and goes by the id that it is told", async () => {
    const world = await newWorld();
    const [id = ""] = await world.ids();
    await world.addByHand();
    await expect(world.rotated(world.current)).rejects.toThrow(/nothing tells which.*clientSecretId/);
    const told = mapSecret(world.current, (material) => ({ ...material, clientSecretId: id }));
    await expect(world.rotated(told)).rejects.toThrow(/is not in this secret/);
    await world.verbs.revoke({ ...world.at, material: told, keep: [] });
    expect((await world.token(world.current)).body.error).toBe("invalid_client");
    expect(await world.ids()).toHaveLength(1);
  });

  it("does not hand a told id on to the next version", async () => {
    const world = await newWorld();
    const [id = ""] = await world.ids();
    const told = mapSecret(world.current, (material) => ({ ...material, clientSecretId: id }));
    expect((await world.rotated(told)).reveal().clientSecretId).toBeUndefined();
  });

  it("says so when somebody takes the free slot between issue and install", async () => {
    const world = await newWorld();
    const next = await world.verbs.issue({ ...world.at, current: world.current, previous: undefined });
    const hasty = mapSecret(next, (material) => ({ ...material, issuedAt: (material.issuedAt ?? 0) - 3_600_000 }));
    await world.addByHand();
    await expect(world.verbs.install({ ...world.at, next: hasty, current: world.current })).rejects.toThrow(
      /no free slot/,
    );
    expect((await world.token(world.current)).status).toBe(200);
  });
});

describe("crashes and trouble", () => {
  it("installs once when the answer to the first try was lost", async () => {
    const world = await newWorld();
    const next = await world.verbs.issue({ ...world.at, current: world.current, previous: undefined });
    const lossy = await proxied(aws().endpoint, ({ body }) =>
      body.includes(next.reveal().clientSecret) ? "lose" : undefined,
    );
    const lost = world.verbsAt(lossy.endpoint).install({ ...world.at, next, current: world.current });
    await expect(lost).rejects.toMatchObject({ name: "Unreachable" });
    await lossy.stop();
    await world.verbs.install({ ...world.at, next, current: world.current });
    expect(await world.ids()).toHaveLength(2);
    expect((await world.token(next)).status).toBe(200);
  });

  it("waits for one that was added and is not taken yet, rather than adding it again", async () => {
    const world = await newWorld();
    const next = await world.rotated(world.current);
    let refusals = 2;
    const refused: Trouble = { status: 401, type: "application/json", body: '{"error":"invalid_client"}' };
    const slow = await proxied(aws().endpoint, ({ path }) =>
      path === "/oauth2/revoke" && refusals-- > 0 ? refused : undefined,
    );
    await world.verbsAt(slow.endpoint).install({ ...world.at, next, current: world.current });
    await slow.stop();
    expect(await world.ids()).toHaveLength(2);
  });

  it("says Throttled when Cognito asks to come later, and has changed nothing", async () => {
    const world = await newWorld();
    const before = await world.ids();
    const busy = await proxied(aws().endpoint, () => TOO_MANY);
    const verbs = world.verbsAt(busy.endpoint);
    const material = world.current;
    await expect(verbs.issue({ ...world.at, current: material, previous: undefined })).rejects.toBeInstanceOf(
      Throttled,
    );
    await expect(verbs.revoke({ ...world.at, material, keep: [] })).rejects.toBeInstanceOf(Throttled);
    await busy.stop();
    expect(await world.ids()).toEqual(before);
  });
});

describe("ownership", () => {
  it("refuses a pool that is not tagged, with the mend, by its own role's limits", async () => {
    const world = await newWorld({ tags: { team: "orders" } });
    const failure = world.rotated(world.current);
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(/not tagged rekey:managed=true.*tag-resource/);
    expect(await world.ids()).toHaveLength(1);
    expect(await world.verbs.inspect({ ...world.at, current: world.current })).toMatchObject([
      { check: "ownership", verdict: "ill", mend: expect.stringContaining("tag-resource") },
    ]);
  });

  it("says which is wrong when the secret names another client than the tag", async () => {
    const [mine, other] = [await newWorld(), await newWorld()];
    const failure = mine.verbs.verify({ ...mine.at, material: other.current });
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(/clientId is .* tag rekey:client says/);
  });
});
