import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Forbidden, Misconfigured, Throttled } from "../../lib/core/errors.ts";
import type { Aws, Instant } from "../../lib/core/types.ts";
import kmsSigningKey from "../../lib/rotators/kms-signing-key.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { openProbe } from "../local/probe.ts";
import { realClock } from "../support/clock.ts";
import { clientsAs, clientsGranted } from "../support/granted.ts";
import { signingWorld } from "../support/signing.ts";

let probe: Awaited<ReturnType<typeof openProbe>>;
let granted: Aws;
beforeAll(async () => {
  probe = await openProbe();
  granted = await clientsGranted(probe.aws.endpoint, kmsSigningKey.grants);
}, 240_000);
afterAll(async () => {
  await probe?.close();
});

type Over = Parameters<typeof signingWorld>[3];
const newWorld = (tags: object = {}, over: Over = {}) => signingWorld(probe.aws.endpoint, granted, tags, over);
const closed: Aws = (Client, config) => granted(Client, { ...config, endpoint: "http://127.0.0.1:9" });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: Error) => error.name,
  );

// `sessions`: nobody counts the tokens that a key has signed; that they are refused is tested below.
// `sweep` and `stranger`: what a crash leaves is taken by the next attempt, or trusted by nobody.
rotatorContract(
  "kms-signing-key",
  async () => {
    const { deps, target, rotate } = await newWorld();
    return {
      rotator: kmsSigningKey,
      deps,
      target,
      current: await rotate(),
      unreachable: () => ({ deps: { ...deps, aws: closed } }),
    };
  },
  { lacks: ["sessions", "sweep", "stranger"] },
);

describe.each(["ES256", "RS256", "PS256", "EdDSA"])("%s", (algorithm) => {
  it("signs tokens that a relying party takes until the key is revoked, and takes again once restored", async () => {
    const world = await newWorld({ algorithm });
    const current = await world.rotate();
    expect(current.reveal().alg).toBe(algorithm);
    const token = await world.sign(current.reveal());
    expect(await world.accepts(token)).toBe(true);
    await world.verbs.verify({ ...world.at, material: current });
    const { undo } = await world.verbs.revoke({ ...world.at, material: current, keep: [] });
    expect(await world.accepts(token)).toBe(false);
    expect(await codeOf(world.sign(current.reveal()))).toBe("DisabledException");
    await world.verbs.restore?.({ ...world.at, material: current, undo });
    expect(await world.accepts(token)).toBe(true);
    expect(await world.accepts(await world.sign(current.reveal()))).toBe(true);
  });
});

describe("the overlap", () => {
  it("publishes a key one rotation ahead, and nobody can sign with it before its turn", async () => {
    const world = await newWorld();
    const first = await world.rotate();
    const [standby] = (await world.read()).keys.filter(({ rekey }) => rekey?.state === "standby");
    const keyId = standby?.rekey?.keyId ?? "";
    expect(await world.keyState(keyId)).toBe("Disabled");
    expect(await codeOf(world.sign({ kid: standby?.kid ?? "", keyId, alg: "ES256" }))).toBe("DisabledException");
    const second = await world.rotate(first);
    expect(second.reveal()).toMatchObject({ kid: standby?.kid, keyId });
    // Both work, and the one after next is out already.
    for (const one of [first, second]) expect(await world.accepts(await world.sign(one.reveal()))).toBe(true);
    expect((await world.read()).keys.map(({ rekey }) => rekey?.state).toSorted()).toEqual(["live", "live", "standby"]);
  });

  it("lets a replaced key's tokens live for a token's life after the next rotation, and then disables it", async () => {
    let ahead = 0;
    const clock = { ...realClock, now: () => new Date(Date.now() + ahead).toISOString() as Instant };
    const world = await newWorld({ tokenLife: "3600" }, { clock });
    const first = await world.rotate();
    const token = await world.sign(first.reveal());
    const second = await world.rotate(first);
    const third = await world.rotate(second);
    expect((await world.entry(first))?.rekey?.state).toBe("leaving");
    ahead = 3_800_000;
    const fourth = await world.rotate(third);
    expect(await world.accepts(token)).toBe(true);
    ahead = 3_901_000;
    await world.rotate(fourth);
    expect(await world.entry(first)).toBeUndefined();
    expect(await world.accepts(token)).toBe(false);
    expect(await world.keyState(first.reveal().keyId)).toBe("Disabled");
  });

  it("does not sign with a key that those who verify may not know yet, and goes on when they must", async () => {
    let ahead = 0;
    const clock = { ...realClock, now: () => new Date(Date.now() + ahead).toISOString() as Instant };
    const world = await newWorld({ maxAge: "600" }, { clock });
    const first = await world.rotate();
    expect((await world.read()).CacheControl).toBe("public, max-age=600");
    const issue = () => world.verbs.issue({ ...world.at, current: first, previous: undefined });
    await expect(issue()).rejects.toBeInstanceOf(Throttled);
    await expect(issue()).rejects.toThrow(/Rotate again in \d+ s/);
    ahead = 601_000;
    expect((await issue()).reveal().kid).not.toBe(first.reveal().kid);
  });

  it("takes a young key at once where the current one is dead: nothing that verifies is lost", async () => {
    const world = await newWorld({ maxAge: "600" });
    const first = await world.rotate();
    await world.verbs.revoke({ ...world.at, material: first, keep: [] });
    const next = await world.rotate(first);
    expect(await world.accepts(await world.sign(next.reveal()))).toBe(true);
  });
});

describe("the document", () => {
  const theirs = { kty: "OKP", crv: "Ed25519", kid: "theirs", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };

  it("keeps entries of others and members that it does not know through rotation and revoke", async () => {
    const world = await newWorld();
    await world.write([{ ...theirs, x5t: "unknown" }]);
    const first = await world.rotate();
    const second = await world.rotate(first);
    await world.verbs.revoke({ ...world.at, material: first, keep: [second] });
    expect((await world.read()).keys).toContainEqual({ ...theirs, x5t: "unknown" });
  });

  it("loses nothing to a writer that comes between reading and writing", async () => {
    const slow: Aws = (Client, config) => {
      const made = granted(Client, config);
      if (made instanceof S3Client) meddle(made);
      return made;
    };
    let meddled = 0;
    const meddle = (client: S3Client) =>
      client.middlewareStack.add(
        (next, context) => async (args) => {
          if (context["commandName"] === "PutObjectCommand" && meddled < 2) {
            const { keys } = await world.read().catch(() => ({ keys: [] }));
            await world.write([...keys, { ...theirs, kid: `theirs-${++meddled}` }]);
          }
          return next(args);
        },
        { step: "initialize" },
      );
    const world = await signingWorld(probe.aws.endpoint, slow);
    const first = await world.rotate();
    expect(meddled).toBe(2);
    const kids = (await world.read()).keys.map(({ kid }) => kid);
    expect(kids).toEqual(expect.arrayContaining(["theirs-1", "theirs-2", first.reveal().kid]));
    expect(await world.accepts(await world.sign(first.reveal()))).toBe(true);
  });

  it("is refused where it is no JWKS, and outside the buckets that Rekey may write", async () => {
    const theirBucket = `somebodys-${crypto.randomUUID()}`;
    await clientsAs(probe.aws.endpoint)(S3Client).send(new CreateBucketCommand({ Bucket: theirBucket }));
    const [broken, outside] = [await newWorld(), await newWorld({ jwks: `${theirBucket}/jwks.json` })];
    await broken.write("not a list" as never);
    await expect(broken.rotate()).rejects.toBeInstanceOf(Misconfigured);
    await expect(outside.rotate()).rejects.toBeInstanceOf(Forbidden);
  });
});
