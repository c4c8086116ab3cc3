import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
  TagResourceCommand,
} from "@aws-sdk/client-cognito-identity-provider";
import { describe, expect, it } from "vitest";
import { Forbidden, Misconfigured, Throttled, Unusable } from "../../lib/core/errors.ts";
import { expectNoSecret, failureOf, visible } from "../contract/rotator-act.ts";
import { localAws } from "../support/local-aws.ts";
import { proxied, type Seen, type Trouble } from "./aws-proxy.ts";
import { type CognitoWorld, cognitoWorld } from "./cognito-world.ts";

const aws = localAws(5775);
const newWorld = (options?: Parameters<typeof cognitoWorld>[1]) => cognitoWorld(aws().endpoint, options);
describe("verify", () => {
  it("mints nothing and shows the secret to the revocation endpoint only", async () => {
    const world = await newWorld();
    const seen: Seen[] = [];
    const way = await proxied(aws().endpoint, (one) => {
      seen.push(one);
      return undefined;
    });
    await world.verbsAt(way.endpoint).verify({ ...world.at, material: world.current });
    await way.stop();
    expect(seen.map(({ path }) => path)).toEqual(["/", "/oauth2/revoke"]);
    expect(seen[1]?.body).toBe("token=rekey-probe");
    expectNoSecret(JSON.stringify(seen.map(({ path, body }) => ({ path, body }))), [world.current]);
  });

  it("takes anything but invalid_client for doubt, by its class", async () => {
    const world = await newWorld();
    const json = "application/json";
    const answers: readonly (readonly [Trouble, object])[] = [
      [{ status: 400, type: json, body: '{"error":"invalid_request"}' }, Misconfigured],
      [{ status: 429, body: "" }, Throttled],
      [{ status: 403, body: "<html>blocked</html>" }, Forbidden],
      [{ status: 401, body: "<html>a proxy's login page</html>" }, Error],
      [{ status: 503, body: "" }, Error],
    ];
    for (const [trouble, kind] of answers) {
      const way = await proxied(aws().endpoint, ({ path }) => (path === "/oauth2/revoke" ? trouble : undefined));
      const failure = await failureOf(world.verbsAt(way.endpoint).verify({ ...world.at, material: world.current }));
      await way.stop();
      expect(failure).toBeInstanceOf(kind);
      expect(failure).not.toBeInstanceOf(Unusable);
      expectNoSecret(visible(failure), [world.current]);
    }
  });

  it("says what is missing where a pool has no domain or a client no token revocation", async () => {
    const [bare, off] = [await newWorld({ domain: false }), await newWorld({ revocation: false })];
    const verify = (world: CognitoWorld) => world.verbs.verify({ ...world.at, material: world.current });
    await expect(verify(bare)).rejects.toThrow(/no domain.*create-user-pool-domain/);
    await expect(verify(off)).rejects.toThrow(/--enable-token-revocation/);
    for (const world of [bare, off]) {
      const found = await world.verbs.inspect({ ...world.at, current: world.current });
      expect(found.find(({ check }) => check === "trial")).toMatchObject({
        verdict: "ill",
        mend: expect.stringMatching(/./),
      });
    }
  });
});

describe("grants", () => {
  it("show no secret in clear, and tag nothing but the placeholder", async () => {
    const world = await newWorld();
    const cognito = world.deps.aws(CognitoIdentityProviderClient);
    const { userPool, client } = world.target;
    const described = cognito.send(new DescribeUserPoolClientCommand({ UserPoolId: userPool, ClientId: client }));
    await expect(described).rejects.toThrow(/not authorized/);
    const ResourceArn = `arn:aws:cognito-idp:us-east-1:000000000000:userpool/${userPool}`;
    await expect(cognito.send(new TagResourceCommand({ ResourceArn, Tags: { team: "x" } }))).rejects.toThrow(
      /not authorized/,
    );
    const other = await newWorld({ tags: {} });
    const Tags = { "rekey:managed": "true" };
    const arn = `arn:aws:cognito-idp:us-east-1:000000000000:userpool/${other.target.userPool}`;
    await expect(cognito.send(new TagResourceCommand({ ResourceArn: arn, Tags }))).rejects.toThrow(/not authorized/);
  });
});

describe("inspect", () => {
  it("finds a healthy one well, and a refused one ill", async () => {
    const world = await newWorld();
    const found = async () =>
      (await world.verbs.inspect({ ...world.at, current: world.current })).map(({ verdict }) => verdict);
    expect(await found()).toEqual(["well", "well", "well"]);
    await world.verbs.revoke({ ...world.at, material: world.current, keep: [] });
    expect(await found()).toEqual(["well", "well", "ill"]);
  });
});
