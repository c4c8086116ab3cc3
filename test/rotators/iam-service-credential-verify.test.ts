import { DeleteServiceSpecificCredentialCommand } from "@aws-sdk/client-iam";
import { describe, expect, it } from "vitest";
import { Forbidden, Misconfigured, Throttled, Unusable } from "../../lib/core/errors.ts";
import { mapSecret } from "../../lib/core/secret.ts";
import { expectNoSecret, failureOf, visible } from "../contract/rotator-act.ts";
import { hastyClock } from "../support/clock.ts";
import { localAws } from "../support/local-aws.ts";
import { proxied, type Seen, type Trouble } from "./aws-proxy.ts";
import { idOf, serviceCredentialWorld } from "./service-credential-world.ts";

const aws = localAws(5776);
const newWorld = (options?: Parameters<typeof serviceCredentialWorld>[1]) =>
  serviceCredentialWorld(aws().endpoint, options);

/** What users report that Bedrock answers to an API key it does not take: github.com/anomalyco/opencode/issues/47073 */
const NOT_TAKEN: Trouble = {
  status: 403,
  type: "application/json",
  body: '{"Message":"Authentication failed: Please make sure your API Key is valid."}',
};
const TAKEN: Trouble = { status: 200, type: "application/json", body: '{"modelSummaries":[]}' };
const isTrial = ({ path }: Seen) => path.startsWith("/foundation-models");

describe("verify", () => {
  it("takes inactive and deleted for dead", async () => {
    const world = await newWorld();
    const [inactive, deleted] = [await world.make(), await world.make()];
    await world.setStatus(inactive, "Inactive");
    await world.root.send(
      new DeleteServiceSpecificCredentialCommand({ UserName: world.user, ServiceSpecificCredentialId: idOf(deleted) }),
    );
    for (const material of [inactive, deleted]) {
      const failure = await failureOf(world.verbs.verify({ ...world.at, material }));
      expect(failure).toBeInstanceOf(Unusable);
      expectNoSecret(visible(failure), [material]);
    }
  });

  it("takes a wrong secret half of an active one for doubt: a living one may be refused elsewhere", async () => {
    for (const service of ["bedrock.amazonaws.com", "codecommit.amazonaws.com"] as const) {
      const world = await newWorld({ service });
      const wrong = mapSecret(await world.make(), ({ serviceCredentialSecret, servicePassword, ...rest }) => ({
        ...rest,
        ...(serviceCredentialSecret !== undefined && { serviceCredentialSecret: `${serviceCredentialSecret}AAAA` }),
        ...(servicePassword !== undefined && { servicePassword: `${servicePassword}AAAA` }),
      }));
      const failure = world.verbs.verify({ ...world.at, material: wrong });
      await expect(failure).rejects.toBeInstanceOf(Misconfigured);
      await expect(failure).rejects.toThrow(/IAM lists it as active/);
      await world.setStatus(wrong, "Inactive");
      await expect(world.verbs.verify({ ...world.at, material: wrong })).rejects.toBeInstanceOf(Unusable);
    }
  });

  it("is not content with what IAM says while the service still takes it", async () => {
    const world = await newWorld();
    const material = await world.make();
    const slow = await proxied(aws().endpoint, (seen) => (isTrial(seen) ? TAKEN : undefined));
    const verbs = world.verbsAt(slow.endpoint);
    await verbs.revoke({ ...world.at, material, keep: [] });
    await verbs.verify({ ...world.at, material });
    await slow.stop();
    await expect(world.verbs.verify({ ...world.at, material })).rejects.toBeInstanceOf(Unusable);
  });

  it("tells a user without permission from a dead key, before and after the revoke", async () => {
    const world = await newWorld({ allowed: ["sqs:ListQueues"] });
    const material = await world.make();
    const failure = world.verbs.verify({ ...world.at, material });
    await expect(failure).rejects.toBeInstanceOf(Forbidden);
    await expect(failure).rejects.toThrow(/not authorized.*Allow the user bedrock:CallWithBearerToken/);
    await expect(world.verbs.install({ ...world.at, next: material, current: undefined })).rejects.toBeInstanceOf(
      Forbidden,
    );
    await world.verbs.revoke({ ...world.at, material, keep: [] });
    await expect(world.verbs.verify({ ...world.at, material })).rejects.toBeInstanceOf(Unusable);
  });

  it("shows each request the key and never Rekey's own signature", async () => {
    const world = await newWorld();
    const material = await world.make();
    const seen: Seen[] = [];
    const way = await proxied(aws().endpoint, (one) => {
      seen.push(one);
      return undefined;
    });
    await world.verbsAt(way.endpoint).verify({ ...world.at, material });
    await way.stop();
    expect(seen.map(({ authorization }) => authorization)).toEqual([
      `Bearer ${material.reveal().serviceCredentialSecret}`,
    ]);
  });

  it("classes what a service that asks to come later, or has no such repository, answers", async () => {
    const [key, git] = [await newWorld(), await newWorld({ service: "codecommit.amazonaws.com" })];
    const answers: readonly (readonly [typeof key, Trouble, object])[] = [
      [
        key,
        { status: 429, type: "application/json", body: '{"__type":"ThrottlingException","message":"later"}' },
        Throttled,
      ],
      [git, { status: 429, body: "" }, Throttled],
      [git, { status: 404, body: "" }, Misconfigured],
    ];
    for (const [world, trouble, kind] of answers) {
      const material = await world.make();
      const way = await proxied(aws().endpoint, ({ path }) => (path === "/" ? undefined : trouble));
      const failure = await failureOf(world.verbsAt(way.endpoint).verify({ ...world.at, material }));
      await way.stop();
      expect(failure).toBeInstanceOf(kind);
      await world.verbs.revoke({ ...world.at, material, keep: [] });
    }
  });

  it("asks for the fields of the service that the tag names", async () => {
    const [key, git] = [await newWorld(), await newWorld({ service: "codecommit.amazonaws.com" })];
    await expect(key.verbs.verify({ ...key.at, material: await git.make() })).rejects.toThrow(
      /serviceCredentialSecret/,
    );
    await expect(git.verbs.verify({ ...git.at, material: await key.make() })).rejects.toThrow(/servicePassword/);
  });
});

describe("install", () => {
  it("waits until the service has accepted three times in a row", async () => {
    const world = await newWorld();
    const next = await world.make();
    // As eventual consistency looks: some replicas know it, then others do not yet.
    const replicas = [NOT_TAKEN, undefined, NOT_TAKEN, undefined, undefined, undefined];
    let tries = 0;
    const way = await proxied(aws().endpoint, (seen) => (isTrial(seen) ? replicas[tries++] : undefined));
    await world.verbsAt(way.endpoint, { clock: hastyClock(0) }).install({ ...world.at, next, current: undefined });
    await way.stop();
    expect(tries).toBe(6);
  });

  it("gives up after a minute with advice, not with a verdict on the key", async () => {
    const world = await newWorld();
    const next = await world.make();
    let now = 0;
    const clock = { ...hastyClock(0), ticks: () => (now += 10_000) };
    const way = await proxied(aws().endpoint, (seen) => (isTrial(seen) ? NOT_TAKEN : undefined));
    const failure = await failureOf(
      world.verbsAt(way.endpoint, { clock }).install({ ...world.at, next, current: undefined }),
    );
    await way.stop();
    expect(failure).toBeInstanceOf(Misconfigured);
    expect(String(failure)).toMatch(/still refused after a minute/);
    expectNoSecret(visible(failure), [next]);
  });
});
