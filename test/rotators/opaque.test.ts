import { createHash, createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Misconfigured } from "../../lib/core/errors.ts";
import { isIdentifier } from "../../lib/core/identifier.ts";
import { secret } from "../../lib/core/secret.ts";
import type { Deps } from "../../lib/core/types.ts";
import opaque from "../../lib/rotators/opaque.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { makeFunction, openProbe } from "../local/probe.ts";
import { clientsGranted, depsWith } from "../support/granted.ts";

const hmac = (key: string, body: string) => createHmac("sha256", key).update(body).digest("hex");

/** A receiver of webhooks: takes a body that one of its keys has signed. Its keys are put and removed by an operator. */
const startReceiver = async () => {
  const keys = new Map<string, Set<string>>();
  const obey = (what: string, known: Set<string>, body: string, signature: unknown): boolean => {
    if (what === "add") known.add(body);
    if (what === "remove") known.delete(body);
    return what !== "hook" || [...known].some((key) => hmac(key, body) === signature);
  };
  const server = createServer(async (request, response) => {
    const [, what = "", resource = ""] = (request.url ?? "").split("/");
    const body = await text(request);
    const known = keys.get(resource) ?? new Set();
    keys.set(resource, known);
    response.writeHead(obey(what, known, body, request.headers["x-signature"]) ? 200 : 401).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    put: (resource: string, value: string) => keys.set(resource, new Set([value])),
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
};

/** The hook: puts, removes, and tries by signing as a sender would. */
const HOOK = (url: string) => `
import { createHmac } from "node:crypto";
const post = (path, body, headers = {}) =>
  fetch("${url}/" + path, { method: "POST", body, headers: { connection: "close", ...headers } });
const sign = (value, body) => createHmac("sha256", value).update(body).digest("hex");
export const handler = async ({ verb, target: { resource }, material, next }) => {
  if (verb === "install") await post("add/" + resource, next.value);
  if (verb === "revoke") await post("remove/" + resource, material.value);
  if (verb === "restore") await post("add/" + resource, material.value);
  if (verb === "verify") {
    const { status } = await post("hook/" + resource, "ping", { "x-signature": sign(material.value, "ping") });
    if (status === 401) return { failed: "Unusable", message: "the receiver refused the signature" };
    if (status !== 200) throw new Error("unclear");
  }
  return { done: verb };
};`;

let probe: Awaited<ReturnType<typeof openProbe>>;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let deps: Deps;
beforeAll(async () => {
  [probe, receiver] = await Promise.all([openProbe(), startReceiver()]);
  deps = depsWith(await clientsGranted(probe.aws.endpoint, opaque.grants));
  const lambda = new Lambda(probe.config);
  const may = { Effect: "Allow", Action: "logs:PutLogEvents", Resource: "*" } as const;
  const arn = await makeFunction({ iam: new IAM(probe.config), lambda }, "hook", HOOK(receiver.url), [may]);
  await lambda.tagResource({ Resource: arn, Tags: { "rekey:rotator": "true" } });
}, 240_000);
afterAll(async () => {
  await receiver?.stop();
  await probe?.close();
});

const targetOf = (tags: object) => {
  const parsed = opaque.target.safeParse({ resource: crypto.randomUUID(), ...tags });
  if (!parsed.success) throw new Misconfigured("tags");
  return parsed.data;
};

// `sessions`: whoever shares a value opens none. `sweep` and `stranger`: issuing changes nothing outside.
rotatorContract(
  "opaque",
  async () => {
    const target = targetOf({ function: "hook", verbs: "restore", strategy: "overlap" });
    const value = "first-value-of-the-webhook";
    receiver.put(target.resource, value);
    return {
      rotator: opaque,
      deps,
      target,
      current: secret({ value }),
      unreachable: () => ({
        deps: { ...deps, aws: (Client, config) => deps.aws(Client, { ...config, endpoint: "http://127.0.0.1:9" }) },
      }),
    };
  },
  { lacks: ["sessions", "sweep", "stranger"] },
);

const signal = AbortSignal.timeout(60_000);
const issued = async (tags: object) => {
  const request = { target: targetOf(tags), current: undefined, previous: undefined, signal };
  return (await opaque.connect(deps).issue(request)).reveal().value;
};

describe("the value", () => {
  it.each([
    [{ encoding: "hex", bytes: "16" }, /^[0-9a-f]{32}$/],
    [{}, /^[\w-]{43}$/],
    [{ encoding: "base64", bytes: "48" }, /^[\w+/]{64}$/],
    [{ encoding: "letters-digits" }, /^[A-Za-z0-9]{43}$/],
    [{ prefix: "whsec_", bytes: "512" }, /^whsec_[\w-]{683}$/],
  ])("is as %o asks, and never the same", async (tags, shape) => {
    const values = await Promise.all(Array.from({ length: 20 }, () => issued(tags)));
    for (const value of values) expect(value).toMatch(shape);
    expect(new Set(values).size).toBe(20);
  });
  it("has letters and digits equally likely", async () => {
    const text = (
      await Promise.all(Array.from({ length: 40 }, () => issued({ encoding: "letters-digits", bytes: "512" })))
    ).join("");
    const counts = new Map<string, number>();
    for (const one of text) counts.set(one, (counts.get(one) ?? 0) + 1);
    expect(counts.size).toBe(62);
    const mean = text.length / 62;
    // Six standard deviations: fails by chance less than once in a million runs; modulo bias would be 25 %.
    for (const count of counts.values()) expect(Math.abs(count - mean)).toBeLessThan(6 * Math.sqrt(mean));
  });
  it.each([{ bytes: "15" }, { bytes: "513" }, { encoding: "rot13" }, { prefix: "a b" }])("refuses %o", (tags) => {
    expect(() => targetOf(tags)).toThrow();
  });
  it("can be reported by its digest", () => {
    const material = { value: "whsec_a-value-that-leaked" };
    const [name = ""] = opaque.identifiers(targetOf({}), material, "111122223333");
    expect(name).toBe(`leak:sha256/${createHash("sha256").update(material.value).digest("hex")}`);
    expect(isIdentifier(name)).toBe(true);
  });
});

describe("without a function", () => {
  const verbs = () => opaque.connect(deps);
  const request = () => ({ target: targetOf({}), material: secret({ value: "nobody-can-try-this-one" }), signal });

  it("rotates: stored is all there is", async () => {
    const { target } = request();
    const next = await verbs().issue({ target, current: undefined, previous: undefined, signal });
    await verbs().install({ target, next, current: undefined, signal });
    await verbs().verify({ target, material: next, signal });
  });
  it("never reports a death: a revoke fails and says what to do", async () => {
    const failure = verbs().revoke({ ...request(), keep: [] });
    await expect(failure).rejects.toBeInstanceOf(Misconfigured);
    await expect(failure).rejects.toThrow(/cannot be proven dead.*restart every reader.*rekey:function/);
    await expect(verbs().verify(request())).resolves.toBeUndefined();
  });
});
