import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { verify } from "../../lib/core/ingest.ts";
import type { KeyedChannel } from "../../lib/core/ingest-channel.ts";
import { bytes, channelsOf, hex, KEY, NOW_S } from "./world.ts";

const channel = (fields: object) => channelsOf({ name: "one", ...fields })[0] as KeyedChannel;
const at = (seconds: number) => ({ seconds, parse: Date.parse });
const now = at(NOW_S);

/** How a sender of each scheme signs, written anew from its documentation. */
const SIGN: Readonly<
  Record<string, (key: string, body: string | Uint8Array, stamp: string) => Readonly<Record<string, string>>>
> = {
  "hmac-sha256": (key, body, stamp) => ({
    "x-rekey-timestamp": stamp,
    "x-rekey-signature": `sha256=${hex(key, `${stamp}.`, body)}`,
  }),
  github: (key, body) => ({ "x-hub-signature-256": `sha256=${hex(key, body)}` }),
  gitguardian: (key, body, stamp) => ({
    timestamp: stamp,
    "gitguardian-signature": `sha256=${hex(stamp + key, body)}`,
  }),
  "standard-webhooks": (key, body, stamp) => ({
    "webhook-id": "msg_1",
    "webhook-timestamp": stamp,
    "webhook-signature": `v1,${Buffer.from(hex(key, `msg_1.${stamp}.`, body), "hex").toString("base64")}`,
  }),
  token: (key) => ({ authorization: `Bearer ${key}` }),
};
const auths = Object.keys(SIGN);
const signing = auths.filter((auth) => auth !== "token");
const stamped = auths.filter((auth) => !["token", "github"].includes(auth));
const sign = (auth: string, body: string | Uint8Array, { key = KEY, stamp = String(NOW_S) } = {}) =>
  SIGN[auth]?.(key, body, stamp) ?? {};
const check = (auth: string, headers: object, body: string | Uint8Array, keys: readonly string[] = [KEY], when = now) =>
  verify(
    channel({ auth }),
    { headers: headers as Record<string, string>, body: typeof body === "string" ? bytes(body) : body },
    keys,
    when,
  );

describe("vectors that the providers publish", () => {
  it("GitHub: docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries", () => {
    const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const verdict = check("github", { "x-hub-signature-256": signature }, "Hello, World!", [
      "It's a Secret to Everybody",
    ]);
    expect(verdict).toHaveProperty("mark");
  });

  it("Standard Webhooks: the example that its libraries are tested with", () => {
    const verdict = check(
      "standard-webhooks",
      {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      },
      '{"test": 2432232314}',
      ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
      at(1_614_265_330),
    );
    expect(verdict).toHaveProperty("mark");
  });
});

describe.each(auths)("%s", (auth) => {
  it("takes what its sender signed: any bytes, unicode, nothing, and a lot", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.string({ unit: "binary" }).map(bytes)), (body) => {
        expect(check(auth, sign(auth, body), body)).toHaveProperty("mark");
      }),
    );
    const huge = new Uint8Array(262_144).fill(97);
    expect(check(auth, sign(auth, huge), huge)).toHaveProperty("mark");
    expect(check(auth, sign(auth, '{"pod":"päyments-☃"}'), '{"pod":"päyments-☃"}')).toHaveProperty("mark");
  });

  it("takes the previous key as well, and no third one", () => {
    const headers = sign(auth, "{}", { key: "the previous key of 24" });
    expect(check(auth, headers, "{}", [KEY, "the previous key of 24"])).toHaveProperty("mark");
    expect(check(auth, headers, "{}", [KEY])).toEqual({ refused: "signature" });
    expect(check(auth, headers, "{}", [])).toEqual({ refused: "signature" });
  });

  it("refuses any other value of its header, and none", () => {
    const good = sign(auth, "{}");
    const [name = ""] = Object.keys(good).filter((one) => /signature|authorization/.test(one));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (value) => {
        fc.pre(value !== good[name] && value !== KEY);
        expect(check(auth, { ...good, [name]: value }, "{}")).toEqual({ refused: "signature" });
      }),
    );
    const { [name]: _, ...without } = good;
    expect(check(auth, without, "{}")).toEqual({ refused: "header missing" });
    // What API Gateway makes of a header that was sent twice.
    expect(check(auth, { ...good, [name]: `${good[name]},${good[name]}` }, "{}")).toEqual({ refused: "signature" });
  });
});

test.each(signing)("%s: one changed bit of the body is refused, wherever it is", (auth) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), fc.nat(), fc.nat(7), (body, place, bit) => {
      const changed = Uint8Array.from(body);
      changed[place % body.length] = (changed[place % body.length] ?? 0) ^ (1 << bit);
      expect(check(auth, sign(auth, body), changed)).toEqual({ refused: "signature" });
    }),
  );
});

test.each(stamped)("%s: the timestamp is signed, and counts for five minutes before and after", (auth) => {
  const sentAt = (offset: number) => sign(auth, "{}", { stamp: String(NOW_S + offset) });
  for (const offset of [-300, 0, 300]) expect(check(auth, sentAt(offset), "{}")).toHaveProperty("mark");
  for (const offset of [-301, 301, -864_000])
    expect(check(auth, sentAt(offset), "{}")).toEqual({ refused: "timestamp" });
  const stale = sentAt(-864_000);
  const [name = ""] = Object.keys(stale).filter((one) => one.includes("timestamp"));
  expect(check(auth, { ...stale, [name]: String(NOW_S) }, "{}")).toEqual({ refused: "signature" });
  for (const stamp of ["", "soon", "NaN", "Infinity", "1e9", "-1", " ", "0x6"]) {
    expect(check(auth, sign(auth, "{}", { stamp }), "{}")).toEqual({ refused: "timestamp" });
  }
  const { [name]: _, ...without } = sentAt(0);
  expect(check(auth, without, "{}")).toEqual({ refused: "header missing" });
});

test("a timestamp may be in seconds, with a fraction, in milliseconds, or a date", () => {
  const stamps = [
    `${NOW_S}.25`,
    `${NOW_S}000`,
    new Date(NOW_S * 1_000).toISOString(),
    new Date(NOW_S * 1_000).toUTCString(),
  ];
  for (const stamp of stamps) {
    expect(check("gitguardian", sign("gitguardian", "{}", { stamp }), "{}")).toHaveProperty("mark");
  }
});

test("a key that decodes to nothing is not an empty key", () => {
  const forged = sign("standard-webhooks", "{}", { key: "" });
  expect(check("standard-webhooks", forged, "{}", ["whsec_!!!not-base64!!!"])).toEqual({ refused: "signature" });
  expect(check("standard-webhooks", forged, "{}", ["whsec_"])).toEqual({ refused: "signature" });
});

test("of several signatures one that fits suffices; more than five are not looked at", () => {
  const good = sign("standard-webhooks", "{}");
  const real = good["webhook-signature"];
  const wrong = `v1,${Buffer.alloc(32).toString("base64")}`;
  const with_ = (...all: readonly (string | undefined)[]) => ({ ...good, "webhook-signature": all.join(" ") });
  expect(check("standard-webhooks", with_("v1a,ed25519", wrong, real), "{}")).toHaveProperty("mark");
  expect(check("standard-webhooks", with_(wrong, wrong, wrong, wrong, wrong, real), "{}")).toEqual({
    refused: "signature",
  });
});

test("headers of one's own: a signature over the body alone, a token in any header, falcosidekick's customheaders", () => {
  const body = bytes("{}");
  const named = channel({ auth: "github", header: "X-Detector-Signature" });
  const headers = { "x-detector-signature": `sha256=${hex(KEY, "{}")}` };
  expect(verify(named, { headers, body }, [KEY], now)).toHaveProperty("mark");
  const key = channel({ auth: "token", header: "X-Api-Key" });
  expect(verify(key, { headers: { "x-api-key": KEY }, body }, [KEY], now)).toHaveProperty("mark");
  expect(verify(key, { headers: { authorization: `Bearer ${KEY}` }, body }, [KEY], now)).toEqual({
    refused: "header missing",
  });
});

test("the mark is the content's and the channel's: the same again is known, anything else is another", () => {
  const mark = (name: string, auth: string, body: string, stamp = String(NOW_S)) => {
    const verdict = verify(
      channel({ name, auth }),
      { headers: sign(auth, body, { stamp }), body: bytes(body) },
      [KEY],
      now,
    );
    return "mark" in verdict ? verdict.mark : verdict.refused;
  };
  const all = [
    mark("one", "github", "{}"),
    mark("two", "github", "{}"),
    mark("one", "github", "{ }"),
    mark("one", "gitguardian", "{}", String(NOW_S - 1)),
    mark("one", "gitguardian", "{}"),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(mark("one", "github", "{}")).toBe(all[0]);
});
