import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Forbidden, Misconfigured, Unreachable } from "../../lib/core/errors.ts";
import { secretsIn } from "../../lib/core/sanitize.ts";
import { secret } from "../../lib/core/secret.ts";
import type { Aws, Deps } from "../../lib/core/types.ts";
import lambda from "../../lib/rotators/lambda.ts";
import { makeFunction, openProbe } from "../local/probe.ts";
import { clientsGranted, depsWith } from "../support/granted.ts";
import { listening } from "../support/key-service.ts";

let probe: Awaited<ReturnType<typeof openProbe>>;
let deps: Deps;
const asked: unknown[] = [];
const LOG = { Effect: "Allow", Action: "logs:PutLogEvents", Resource: "*" } as const;
const clients = () => ({ iam: new IAM(probe.config), lambda: new Lambda(probe.config) });
const tag = async (arn: string) =>
  void (await clients().lambda.tagResource({ Resource: arn, Tags: { "rekey:rotator": "true" } }));
beforeAll(async () => {
  probe = await openProbe();
  deps = depsWith(listening(await clientsGranted(probe.aws.endpoint, lambda.grants), asked));
}, 240_000);
afterAll(async () => {
  await probe?.close();
});

const signal = AbortSignal.timeout(240_000);
const targetOf = (tags: object) => {
  const parsed = lambda.target.safeParse(tags);
  if (!parsed.success) throw new Error("tags");
  return parsed.data;
};
const newTarget = () => targetOf({ function: "acme-rotator", resource: crypto.randomUUID() });
const failureOf = async (work: Promise<unknown> | (() => Promise<unknown>)): Promise<Error> => {
  const outcome = await (typeof work === "function" ? work() : work).then(
    () => undefined,
    (error: Error) => error,
  );
  if (!outcome) throw new Error("it succeeded");
  return outcome;
};

/** A function that does as told, under a name of its own. */
const functionThat = async (does: string, isTagged = true) => {
  const name = `f-${crypto.randomUUID().slice(0, 8)}`;
  const arn = await makeFunction(clients(), name, `export const handler = async (q) => { ${does} };`, [LOG]);
  if (isTagged) await tag(arn);
  return name;
};
const KEY = "clear-text-of-the-key";
const verified = async (name: string, more: object = {}) => {
  const target = targetOf({ function: name, ...more });
  return lambda.connect(deps).verify({ target, material: secret({ key: KEY }), signal });
};

describe("what a function answers", () => {
  it.each([
    ["nothing", "return;"],
    ["null", "return null;"],
    ["another verb's answer", 'return { done: "install" };'],
    ["a field that the schema does not know", 'return { done: "verify", refused: true };'],
    [
      "a thrown error by the name of a refusal",
      'throw Object.assign(new Error(q.material.key), { name: "Unusable" });',
    ],
    ["a failure without a known name", 'return { failed: "Dead", message: "" };'],
  ])("is doubt when it is %s", async (_, does) => {
    const failure = await failureOf(verified(await functionThat(does)));
    expect(failure.name).toBe("Error");
    expect(String(failure)).not.toContain(KEY);
    expect(failure.message).toMatch(/did not answer verify/);
  });

  it("keeps a named failure's meaning, on one line and without material", async () => {
    const name = await functionThat(
      'return { failed: "Untrusted", message: "TLS of\\nthe target, with " + q.material.key };',
    );
    const failure = await failureOf(verified(name));
    expect(failure.name).toBe("Untrusted");
    expect(failure.message).toBe(`Function ${name}, verify: TLS of the target, with [secret]`);
  });

  it("is doubt when its time-out cuts it off", async () => {
    const failure = await failureOf(verified(await functionThat("await new Promise((r) => setTimeout(r, 15_000));")));
    expect(failure.message).toMatch(/did not answer verify: it threw or ran out of time/);
  }, 30_000);
});

describe("traps", () => {
  it("refuses material that is the current version's again: revoking one would revoke both", async () => {
    const name = await functionThat('return { done: "issue", material: { ...q.current, label: "b" } };');
    const current = secret({ key: KEY, label: "a-label" });
    const request = { target: targetOf({ function: name }), previous: undefined, signal };
    expect(
      await failureOf(lambda.connect(deps).issue({ ...request, current: secret({ key: KEY, label: "b" }) })),
    ).toBeInstanceOf(Misconfigured);
    expect(await failureOf(lambda.connect(deps).issue({ ...request, current }))).toBeInstanceOf(Misconfigured);
  });

  it("cannot call a function that its owner has not tagged, and says how to", async () => {
    const failure = await failureOf(verified(await functionThat('return { done: "verify" };', false)));
    expect(failure).toBeInstanceOf(Forbidden);
    expect(failure.message).toMatch(/tag-resource.*rekey:rotator=true/);
  });

  it("says that a function is missing", async () => {
    const failure = await failureOf(verified("no-such-function"));
    // Without the tag that a missing function cannot have, IAM refuses before Lambda looks.
    expect([Forbidden, Misconfigured].some((kind) => failure instanceof kind)).toBe(true);
  });

  it("asks restore and sweep only of a function that has them", async () => {
    const name = await functionThat("return { done: q.verb };");
    const verbs = lambda.connect(deps);
    const request = { material: secret({ key: KEY }), signal };
    const [none, both] = [targetOf({ function: name }), targetOf({ function: name, verbs: "restore sweep" })];
    const before = asked.length;
    await verbs.sweep?.({ target: none, keep: [], signal });
    expect(await failureOf(async () => verbs.restore?.({ target: none, undo: {}, ...request }))).toBeInstanceOf(
      Misconfigured,
    );
    expect(asked.length).toBe(before);
    await verbs.sweep?.({ target: both, keep: [], signal });
    await verbs.restore?.({ target: both, undo: {}, ...request });
    expect(asked.length).toBe(before + 2);
  });

  it("asks for no log tail and puts no material into what names the credential", () => {
    const { target, material } = { target: newTarget(), material: { key: KEY } };
    const names = [
      lambda.identity(target, material, "111122223333"),
      ...lambda.identifiers(target, material, "111122223333"),
    ];
    for (const value of secretsIn(material)) expect(names.join()).not.toContain(value);
  });

  it("is Unreachable where Lambda's endpoint does not answer", async () => {
    const aws: Aws = (Client, config) => deps.aws(Client, { ...config, endpoint: "http://127.0.0.1:9" });
    const request = { target: newTarget(), material: secret({ key: KEY }), signal };
    expect(await failureOf(lambda.connect({ ...deps, aws }).verify(request))).toBeInstanceOf(Unreachable);
  });
});
