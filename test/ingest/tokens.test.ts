import { createServer, type Server } from "node:http";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tokenReader } from "../../lib/aws/channel-tokens.ts";
import { sources } from "../../lib/catalog/sources.ts";
import type { TokenChannel } from "../../lib/core/ingest-channel.ts";
import { readSignals } from "../../lib/core/signal.ts";
import { ACCOUNT, channelsOf, KEY, NOW_S, worldOf } from "./world.ts";

const PORT = 5920;
const ISSUER = "https://idp.example/";
const AUDIENCE = "https://rekey.example/channels/idp";
const EVENT = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";

let server: Server;
let status = 200;
let asked = 0;
const pair = { known: await generateKeyPair("ES256"), stranger: await generateKeyPair("ES256") };

beforeAll(async () => {
  const keys = [{ ...(await exportJWK(pair.known.publicKey)), kid: "k1", alg: "ES256", use: "sig" }];
  server = createServer((_, response) => {
    asked++;
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
  }).listen(PORT, "127.0.0.1");
});
afterAll(() => server.close());

const claims = (over: object = {}): JWTPayload => ({
  iss: ISSUER,
  aud: AUDIENCE,
  jti: "set-1",
  iat: NOW_S - 10,
  sub_id: { format: "iss_sub", iss: ISSUER, sub: "svc-orders" },
  events: { [EVENT]: { event_timestamp: NOW_S - 20, account: "999999999999" } },
  ...over,
});
const set = (payload = claims(), { kid = "k1", typ = "secevent+jwt", key = pair.known.privateKey } = {}) =>
  new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid, ...(typ && { typ }) }).sign(key);

const unsecured = (header: object) =>
  [header, claims()].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");

/** The schema wants https; this server has no certificate. */
const channelOf = (fields: object = {}, path = "/jwks") => {
  const [channel] = channelsOf({
    name: "idp",
    auth: "ssf",
    issuer: ISSUER,
    audience: AUDIENCE,
    jwks: "https://replaced.example",
    secret: undefined,
    ...fields,
  });
  return { ...(channel as TokenChannel), jwks: `http://127.0.0.1:${PORT}${path}` };
};
const receiver = (fields: object = {}, path?: string) =>
  worldOf([channelOf(fields, path)], { readToken: tokenReader() });
const TYPE = { "content-type": "application/secevent+jwt" };

describe("push delivery of security event tokens (RFC 8935)", () => {
  it("takes a token and answers 202 without a body; its claims become signals of the channel's account", async () => {
    const { post, queued } = receiver();
    expect(await post("idp", await set(), TYPE)).toEqual({ status: 202 });
    const parsed = await readSignals(sources, JSON.parse(queued[0] ?? ""));
    expect(parsed).toMatchObject({ signals: [{ source: "ssf", account: ACCOUNT }] });
    expect(parsed).not.toMatchObject({ signals: [{ inert: "unbound" }] });
  });

  it("answers the same token again as it did before (section 2), and queues it once", async () => {
    const { post, queued } = receiver();
    const token = await set();
    expect([await post("idp", token, TYPE), await post("idp", await set(), TYPE)]).toEqual([
      { status: 202 },
      { status: 202 },
    ]);
    expect(queued).toHaveLength(1);
  });

  it.each<[string, string, () => Promise<string> | string]>([
    ["no token", "invalid_request", () => "{}"],
    ["nothing", "invalid_request", () => ""],
    ["a token without signature", "invalid_key", () => `${unsecured({ alg: "none", typ: "secevent+jwt" })}.`],
    [
      "a token signed with the public key as a secret",
      "invalid_key",
      () => `${unsecured({ alg: "HS256", typ: "secevent+jwt", kid: "k1" })}.AAAA`,
    ],
    ["a key that the transmitter does not have", "invalid_key", () => set(claims(), { kid: "k9" })],
    [
      "a stranger's key under a known name",
      "authentication_failed",
      () => set(claims(), { key: pair.stranger.privateKey }),
    ],
    ["another issuer", "invalid_issuer", () => set(claims({ iss: "https://evil.example/" }))],
    ["another audience", "invalid_audience", () => set(claims({ aud: "https://other.example" }))],
    ["no audience", "invalid_audience", () => set(claims({ aud: undefined }))],
    ["an ID token of the same issuer", "invalid_request", () => set(claims(), { typ: "JWT" })],
    ["no type", "invalid_request", () => set(claims(), { typ: "" })],
    ["no jti", "invalid_request", () => set(claims({ jti: undefined }))],
    ["no iat", "invalid_request", () => set(claims({ iat: undefined }))],
    ["no events", "invalid_request", () => set(claims({ events: undefined }))],
    ["events that are a list", "invalid_request", () => set(claims({ events: [] }))],
    ["one older than is remembered", "invalid_request", () => set(claims({ iat: NOW_S - 604_800 - 61 }))],
    ["one of tomorrow", "invalid_request", () => set(claims({ iat: NOW_S + 86_400 }))],
  ])("refuses %s with 400 and %s (section 2.4)", async (_, err, make) => {
    const { post, queued } = receiver();
    const answer = await post("idp", await make(), TYPE);
    expect(answer).toMatchObject({ status: 400, body: { err } });
    expect(answer.body?.["description"]).toMatch(/\w/);
    expect(queued).toEqual([]);
  });

  it("refuses a token that was altered on the way", async () => {
    const { post } = receiver();
    const [head, , signature] = (await set()).split(".");
    const other = Buffer.from(JSON.stringify(claims({ jti: "set-2" }))).toString("base64url");
    expect(await post("idp", `${head}.${other}.${signature}`, TYPE)).toMatchObject({
      body: { err: "authentication_failed" },
    });
  });

  it("wants the stream's Authorization where the channel has one", async () => {
    const { post, queued } = receiver({ secret: "channels/idp" });
    expect(await post("idp", await set(), TYPE)).toMatchObject({ status: 400, body: { err: "authentication_failed" } });
    expect(await post("idp", await set(), { ...TYPE, authorization: `Bearer ${KEY}` })).toEqual({ status: 202 });
    expect(queued).toHaveLength(1);
  });

  it("decides nothing while the transmitter's keys cannot be had, and asks for them once for many tokens", async () => {
    const { post } = receiver({}, "/failing");
    status = 500;
    expect((await post("idp", await set(), TYPE)).status).toBe(503);
    status = 200;
    expect((await post("idp", await set(), TYPE)).status).toBe(202);
    const before = asked;
    for (let n = 0; n < 20; n++)
      await post("idp", await set(claims({ jti: `many-${n}` }), { kid: `guess-${n}` }), TYPE);
    expect(asked - before).toBeLessThanOrEqual(1);
  });
});
