import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createLocalJWKSet, decodeProtectedHeader, type JWTPayload, jwtVerify } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { publishKey } from "../../lib/aws/jwks.ts";
import { pushOn } from "../../lib/aws/push.ts";
import { kmsTokenSigner } from "../../lib/aws/token-signer.ts";
import type { Incident } from "../../lib/core/incident.ts";
import type { Receiver, Transmission } from "../../lib/core/security-event.ts";
import type { Aws, Credential, CredentialId, Identifier, Instant, VersionId } from "../../lib/core/types.ts";
import { deliver, spread, type TransmitWorld } from "../../lib/engine/transmit.ts";
import ssf from "../../lib/signals/ssf.ts";
import { type LocalAws, startAws } from "../../local/aws.ts";
import { realClock } from "../support/clock.ts";
import { clientsAs } from "../support/granted.ts";

const dir = mkdtempSync(join(tmpdir(), "rekey-transmit-"));
const ISSUER = "https://rekey.example.com/hub";
const AUDIENCE = "https://receiver.example.com/caep";
const JWKS = "rekey-jwks-test/.well-known/jwks.json";
const ALIAS = "alias/rekey-transmit";
const TOKEN = "Bearer receivers-own-token";
const at = "2026-11-20T09:00:05.000Z" as Instant;
const CI = "arn:aws:secretsmanager:us-east-1:000000000000:secret:demo/ci-AbCdEf" as CredentialId;
const ROLE: Identifier = "iam-role:000000000000/shared";
const ROLE_ARN = "arn:aws:iam::000000000000:role/shared";

const credential: Credential = {
  id: CI,
  name: "demo/ci",
  kind: "postgres",
  workload: "orders" as never,
  network: "default",
  protected: false,
  identifiers: [],
};
const refusedAt = "2026-11-20T09:00:03.000Z" as Instant;
const killed = {
  version: "v1" as VersionId,
  undo: {},
  sessionsEnded: 0,
  settlesInMs: 0,
  refusedAt,
  verifiedAt: refusedAt,
};
const plan = { principal: ROLE, arn: ROLE_ARN, rung: "since", widest: "since" } as const;
const narrowed = { sessions: [], podUids: [], instances: [], functions: [] };
const incident: Incident = {
  id: "inc-0123456789abcdef",
  signal: "s",
  type: "t",
  scenario: "exfiltrated",
  severity: 80,
  actor: { kind: "playbook", principal: "exfiltrated" },
  reason: "used from elsewhere",
  state: "refused",
  plans: [{ credential: CI, network: "default", doomed: "current" }],
  principals: [{ ...plan, narrowed }],
  quarantined: { [ROLE]: { principal: ROLE, rung: "since", deniedAt: refusedAt, reasserts: 0 } },
  progress: { [CI]: { killed: [killed], spared: [] } },
  timeline: { activityAt: at, receivedAt: at },
};

/** What RFC 8935 asks of a receiver, verified by a library that is not ours; answers what `mood` says instead, when set. */
const startReceiver = async (jwks: () => Promise<Parameters<typeof createLocalJWKSet>[0]>) => {
  const taken: JWTPayload[] = [];
  const mood: { status?: number; location?: string } = {};
  type Answer = readonly [status: number, body?: object];
  const judged = async ({ headers }: IncomingMessage, token: string): Promise<Answer> => {
    if (headers.authorization !== TOKEN) return [401];
    if (headers["content-type"] !== "application/secevent+jwt") return [415];
    try {
      const options = { issuer: ISSUER, audience: AUDIENCE, typ: "secevent+jwt", algorithms: ["RS256"] };
      const { payload } = await jwtVerify(token, createLocalJWKSet(await jwks()), options);
      taken.push(payload);
      return [202];
    } catch (error) {
      return [400, { err: "invalid_request", description: String(error) }];
    }
  };
  const server = createServer(async (request, response) => {
    const token = await text(request);
    const [status, body] = mood.status ? [mood.status, { err: "jwtAud" }] : await judged(request, token);
    response.writeHead(status, mood.location ? { location: mood.location } : {});
    response.end(body && JSON.stringify(body));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return { taken, mood, url: `http://127.0.0.1:${port}/events`, stop: () => server.close() };
};

let local: LocalAws;
let aws: Aws;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let signer: ReturnType<typeof kmsTokenSigner>;
const document = async () => {
  const [Bucket = "", ...rest] = JWKS.split("/");
  const { Body } = await aws(S3Client).send(new GetObjectCommand({ Bucket, Key: rest.join("/") }));
  return JSON.parse((await Body?.transformToString()) ?? "") as { keys: { kid: string }[] };
};

beforeAll(async () => {
  local = await startAws({ dir });
  aws = clientsAs(local.endpoint);
  const { KeyMetadata } = await aws(KMSClient).send(
    new CreateKeyCommand({ KeySpec: "RSA_2048", KeyUsage: "SIGN_VERIFY" }),
  );
  const TargetKeyId = KeyMetadata?.KeyId ?? "";
  await aws(KMSClient).send(new CreateAliasCommand({ AliasName: ALIAS, TargetKeyId }));
  await aws(S3Client).send(new CreateBucketCommand({ Bucket: "rekey-jwks-test" }));
  await aws(SecretsManagerClient).send(new CreateSecretCommand({ Name: "receiver-token", SecretString: TOKEN }));
  signer = kmsTokenSigner(aws, ALIAS);
  receiver = await startReceiver(document);
}, 240_000);
afterEach(() => {
  delete receiver.mood.status;
  delete receiver.mood.location;
  receiver.taken.length = 0;
});
afterAll(async () => {
  receiver?.stop();
  await local?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const worldOf = (over: Partial<Incident> = {}, receivers?: readonly Receiver[]) => {
  const queued: Transmission[] = [];
  const authorization = "receiver-token";
  const world: TransmitWorld = {
    issuer: ISSUER,
    receivers: receivers ?? [{ name: "idp", url: receiver.url, audience: AUDIENCE, authorization }],
    clock: realClock,
    incidents: { get: async () => ({ ...incident, ...over }) },
    inventory: { many: async () => [credential] },
    enqueue: async (one) => void queued.push(JSON.parse(JSON.stringify(one))),
    sign: async (claims) => {
      await publishKey({ aws, clock: realClock }, JWKS, await signer.publicKey());
      return signer.sign(claims);
    },
    send: pushOn(aws),
  };
  return { world, queued };
};
const told = async (over: Partial<Incident> = {}) => {
  const { world, queued } = worldOf(over);
  await spread(world, incident.id, at);
  for (const one of queued) expect(await deliver(world, one)).toBe("accepted");
  return [...receiver.taken];
};

describe("a containment told to a receiver", () => {
  it("is a revoked credential and a revoked session, a token each, that jose verifies with the published key", async () => {
    const [credentialChange, sessionRevoked, ...others] = await told();
    expect(others).toEqual([]);
    const common = { event_timestamp: 1_795_165_203, initiating_entity: "policy" };
    const reason_admin = { en: `used from elsewhere (${incident.id})` };
    expect(credentialChange).toMatchObject({
      iss: ISSUER,
      aud: AUDIENCE,
      iat: 1_795_165_205,
      txn: incident.id,
      sub_id: { format: "iss_sub", iss: ISSUER, sub: "orders" },
      events: {
        "https://schemas.openid.net/secevent/caep/event-type/credential-change": {
          ...common,
          reason_admin,
          credential_type: "postgres",
          change_type: "revoke",
          friendly_name: "demo/ci",
        },
      },
    });
    expect(sessionRevoked).toMatchObject({
      sub_id: { format: "iss_sub", sub: ROLE_ARN },
      events: { "https://schemas.openid.net/secevent/caep/event-type/session-revoked": { ...common, reason_admin } },
    });
    for (const one of receiver.taken) {
      expect(Object.keys(one["events"] as object)).toHaveLength(1);
      expect(one).not.toHaveProperty("exp");
      expect(one).not.toHaveProperty("sub");
    }
  });

  it("is understood by Rekey's own source: what one hub sends another can act upon", async () => {
    const source = await ssf.load();
    const tokens = await told();
    const signals = tokens.flatMap((claims) => {
      const read = source.event.safeParse(claims);
      if (!read.success) throw new Error(JSON.stringify(read.error.issues));
      return source.normalize(read.data, { account: "000000000000", name: "hub" } as never);
    });
    expect(signals.map(({ type, severity, subjects }) => ({ type, severity, subjects }))).toEqual([
      expect.objectContaining({ type: expect.stringMatching(/caep\/credential-change$/), severity: 60 }),
      expect.objectContaining({ type: expect.stringMatching(/caep\/session-revoked$/), severity: 60 }),
    ]);
    expect(signals.flatMap(({ subjects }) => subjects)).toEqual([
      "idp:rekey.example.com/hub/orders",
      `idp:rekey.example.com/hub/${ROLE_ARN}`,
    ]);
  });

  it("told twice is the same tokens to the byte, so that a receiver takes them once", async () => {
    const [first, second] = [worldOf(), worldOf()];
    for (const { world } of [first, second]) await spread(world, incident.id, at);
    expect(second.queued).toEqual(first.queued);
    const [one] = first.queued;
    expect(await first.world.sign(one?.claims ?? {})).toBe(await second.world.sign(one?.claims ?? {}));
    const ids = first.queued.map(({ claims }) => claims.jti);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("leaves out what was not refused and who is no longer denied", async () => {
    const lifted = { principal: ROLE, rung: "since", deniedAt: refusedAt, liftedAt: at, reasserts: 0 } as const;
    expect(await told({ progress: {}, quarantined: { [ROLE]: lifted } })).toEqual([]);
  });

  it("is signed with the type of its own that RFC 8417 asks for, and holds nothing secret", async () => {
    const { world, queued } = worldOf();
    await spread(world, incident.id, at);
    const token = await world.sign(queued[0]?.claims ?? {});
    const { kid } = await signer.publicKey();
    expect(decodeProtectedHeader(token)).toEqual({ alg: "RS256", typ: "secevent+jwt", kid });
    expect(JSON.stringify(queued)).not.toContain(TOKEN);
  });
});

describe("a receiver", () => {
  const one = async () => {
    const { world, queued } = worldOf();
    await spread(world, incident.id, at);
    const [first] = queued;
    if (!first) throw new Error("nothing was queued");
    return { world, first };
  };

  it.each([200, 204, 401, 403, 429, 500, 503])("that answers %i is told again later", async (status) => {
    const { world, first } = await one();
    receiver.mood.status = status;
    await expect(deliver(world, first)).rejects.toThrow(`answered ${status}`);
  });

  it("that says 400 is not told the same again, and its reason is kept", async () => {
    const { world, first } = await one();
    receiver.mood.status = 400;
    expect(await deliver(world, first)).toEqual({ refused: "jwtAud" });
  });

  it("that verifies another audience refuses the token", async () => {
    const { world, first } = await one();
    const claims = { ...first.claims, aud: "https://somebody.else" };
    expect(await deliver(world, { ...first, claims })).toEqual({ refused: expect.stringMatching(/aud/) });
  });

  it("that sends elsewhere gets no token there, nor the authorization", async () => {
    const { world, first } = await one();
    const other = await startReceiver(document);
    Object.assign(receiver.mood, { status: 307, location: other.url });
    await expect(deliver(world, first)).rejects.toThrow(/fetch failed|redirect/);
    expect(other.taken).toEqual([]);
    other.stop();
  });

  it("that is away is told again later, and one that was taken out of the config never", async () => {
    const gone = worldOf({}, [{ name: "idp", url: "http://127.0.0.1:9/", audience: AUDIENCE }]);
    const { world, first } = await one();
    await expect(deliver(gone.world, first)).rejects.toThrow();
    const refused = "no receiver idp is configured any more";
    expect(await deliver({ ...world, receivers: [] }, first)).toEqual({ refused });
  });
});

describe("the published document", () => {
  it("keeps the keys of others, whoever writes at the same time, and takes ours once", async () => {
    const [Bucket, Key] = ["rekey-jwks-test", "shared.json"];
    const other = { kty: "RSA", kid: "another's", n: "AQ", e: "AQAB", extra: true };
    const Body = JSON.stringify({ keys: [other], note: "kept" });
    await aws(S3Client).send(new PutObjectCommand({ Bucket, Key, Body }));
    const key = await signer.publicKey();
    const mine = ["a", "b", "c"].map((kid) => ({ ...key, kid }));
    const world = { aws, clock: realClock };
    await Promise.all(mine.map((one) => publishKey(world, `${Bucket}/${Key}`, one)));
    expect(await publishKey(world, `${Bucket}/${Key}`, { ...key, kid: "a" })).toBe("there");
    const { Body: kept } = await aws(S3Client).send(new GetObjectCommand({ Bucket, Key }));
    const now = JSON.parse((await kept?.transformToString()) ?? "");
    expect(now).toMatchObject({ note: "kept", keys: expect.arrayContaining([other]) });
    expect(now.keys.map(({ kid }: { kid: string }) => kid).sort()).toEqual(["a", "another's", "b", "c"]);
  });

  it("that is no JWKS document is left as it is", async () => {
    const [Bucket, Key] = ["rekey-jwks-test", "page.html"];
    await aws(S3Client).send(new PutObjectCommand({ Bucket, Key, Body: "<html>" }));
    const world = { aws, clock: realClock };
    await expect(publishKey(world, `${Bucket}/${Key}`, await signer.publicKey())).rejects.toThrow(/no JWKS document/);
  });
});
