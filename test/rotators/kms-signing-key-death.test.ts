import { CreateKeyCommand, KMSClient, ScheduleKeyDeletionCommand, SignCommand } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Conflict, Forbidden, Unreachable, Unusable } from "../../lib/core/errors.ts";
import { secret } from "../../lib/core/secret.ts";
import type { Aws } from "../../lib/core/types.ts";
import kmsSigningKey from "../../lib/rotators/kms-signing-key.ts";
import { openProbe } from "../local/probe.ts";
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

describe("death", () => {
  it.each(["published but disabled", "signing but not published"])("is in doubt while a key is %s", async (half) => {
    const world = await newWorld();
    const current = await world.rotate();
    const before = (await world.read()).keys;
    await world.verbs.revoke({ ...world.at, material: current, keep: [] });
    if (half.startsWith("published")) await world.write(before);
    else await world.verbs.restore?.({ ...world.at, material: current, undo: {} });
    if (half.startsWith("signing")) await world.write([]);
    const failure = world.verbs.verify({ ...world.at, material: current });
    await expect(failure).rejects.toThrow(/still/);
    await expect(failure).rejects.not.toBeInstanceOf(Unusable);
  });

  it("is not undone by installing a version that was revoked meanwhile", async () => {
    const world = await newWorld();
    const first = await world.rotate();
    const next = await world.verbs.issue({ ...world.at, current: first, previous: undefined });
    await world.verbs.revoke({ ...world.at, material: next, keep: [first] });
    await expect(world.verbs.install({ ...world.at, next, current: first })).rejects.toBeInstanceOf(Conflict);
    await expect(world.verbs.verify({ ...world.at, material: next })).rejects.toBeInstanceOf(Unusable);
  });

  it("waits for those who keep the document: the hold lasts as long as its max-age", async () => {
    const world = await newWorld({ maxAge: "900" });
    const done = await world.verbs.revoke({ ...world.at, material: await world.rotate(), keep: [] });
    expect(done.settlesInMs).toBe(900_000);
  });

  it("spares a kept version even if it is asked to end that very key", async () => {
    const world = await newWorld();
    const current = await world.rotate();
    await world.verbs.revoke({ ...world.at, material: current, keep: [current] });
    expect(await world.accepts(await world.sign(current.reveal()))).toBe(true);
  });

  it("of a key that its owner deletes is final, and said so", async () => {
    const world = await newWorld();
    const current = await world.rotate();
    const root = clientsAs(probe.aws.endpoint)(KMSClient);
    await world.verbs.revoke({ ...world.at, material: current, keep: [] });
    await root.send(new ScheduleKeyDeletionCommand({ KeyId: current.reveal().keyId, PendingWindowInDays: 7 }));
    await world.verbs.revoke({ ...world.at, material: current, keep: [] });
    await expect(world.verbs.verify({ ...world.at, material: current })).rejects.toBeInstanceOf(Unusable);
    await expect(world.verbs.restore?.({ ...world.at, material: current, undo: {} })).rejects.toThrow(/deleted/);
  });
});

describe("rights", () => {
  it("end at the keys that name Rekey: another's key is neither signed with nor disabled", async () => {
    const world = await newWorld();
    const root = clientsAs(probe.aws.endpoint)(KMSClient);
    const made = await root.send(new CreateKeyCommand({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }));
    const keyId = made.KeyMetadata?.KeyId ?? "";
    const material = secret({ kid: "theirs", keyId, alg: "ES256" as const });
    await expect(world.verbs.verify({ ...world.at, material })).rejects.toBeInstanceOf(Forbidden);
    await expect(world.verbs.revoke({ ...world.at, material, keep: [] })).rejects.toBeInstanceOf(Forbidden);
    expect(await world.keyState(keyId)).toBe("Enabled");
  });

  it("do not reach to other uses of KMS", async () => {
    const kms = granted(KMSClient);
    expect(await codeOf(kms.send(new CreateKeyCommand({})))).toMatch(/AccessDenied/);
    const world = await newWorld();
    const { keyId } = (await world.rotate()).reveal();
    expect(await codeOf(kms.send(new ScheduleKeyDeletionCommand({ KeyId: keyId })))).toMatch(/AccessDenied/);
    const command = { KeyId: keyId, Message: Buffer.from("x"), SigningAlgorithm: "ECDSA_SHA_256" } as const;
    const stranger = await clientsGranted(probe.aws.endpoint, kmsSigningKey.grants);
    expect(await codeOf(stranger(KMSClient).send(new SignCommand(command)))).toMatch(/AccessDenied/);
  });

  it("are Unreachable, not death, where AWS does not answer", async () => {
    const world = await newWorld();
    const material = await world.rotate();
    const away = kmsSigningKey.connect({ ...world.deps, aws: closed });
    await expect(away.verify({ ...world.at, material })).rejects.toBeInstanceOf(Unreachable);
  });
});

describe("repair", () => {
  it("replaces a standby whose key is being deleted, or that is of another algorithm", async () => {
    const world = await newWorld();
    const first = await world.rotate();
    const standby = async () => (await world.read()).keys.find(({ rekey }) => rekey?.state === "standby");
    const doomed = (await standby())?.rekey?.keyId ?? "";
    await clientsAs(probe.aws.endpoint)(KMSClient).send(new ScheduleKeyDeletionCommand({ KeyId: doomed }));
    const second = await world.rotate(first);
    expect(second.reveal().keyId).not.toBe(doomed);
    const target = { ...world.target, algorithm: "EdDSA" as const };
    const third = await world.verbs.issue({ ...world.at, target, current: second, previous: undefined });
    expect(third.reveal().alg).toBe("EdDSA");
  });

  it("says what is ill", async () => {
    const world = await newWorld();
    const current = await world.rotate();
    const look = async () => (await world.verbs.inspect?.({ ...world.at, current }))?.map(({ verdict }) => verdict);
    expect(await look()).toEqual(["well", "well"]);
    await world.write([]);
    expect(await look()).toEqual(["ill", "unknown"]);
  });
});
