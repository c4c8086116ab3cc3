import { stripTypeScriptTypes } from "node:module";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Throttled, Unusable } from "../../lib/core/errors.ts";
import { secret } from "../../lib/core/secret.ts";
import type { Deps } from "../../lib/core/types.ts";
import lambda from "../../lib/rotators/lambda.ts";
import { Question } from "../../lib/rotators/shared/function-protocol.ts";
import { rotatorContract } from "../contract/rotator.ts";
import { blocksOf, readPages } from "../docs/pages.ts";
import { makeFunction, openProbe } from "../local/probe.ts";
import { clientsGranted, depsWith } from "../support/granted.ts";
import { listening, startKeyService } from "../support/key-service.ts";

const ADMIN = "the-service-admin-token";
let probe: Awaited<ReturnType<typeof openProbe>>;
let service: Awaited<ReturnType<typeof startKeyService>>;
let deps: Deps;
/** Every payload that crossed. */
const asked: unknown[] = [];

/** What every function may: nothing that matters here. */
const LOG = { Effect: "Allow", Action: "logs:PutLogEvents", Resource: "*" } as const;
const clients = () => ({ iam: new IAM(probe.config), lambda: new Lambda(probe.config) });
const tag = async (arn: string) =>
  void (await clients().lambda.tagResource({ Resource: arn, Tags: { "rekey:rotator": "true" } }));

/** The page's own function, deployed. */
const deployExample = async () => {
  const pages = await readPages();
  const page = pages.filter(({ path }) => path.endsWith("write-a-rotator-function.md"));
  const [example] = page.flatMap(blocksOf).filter(({ language }) => language === "ts");
  const source = `process.env.SERVICE = ${JSON.stringify(service.url)}; process.env.ADMIN_TOKEN = "${ADMIN}";\n`;
  await tag(await makeFunction(clients(), "acme-rotator", source + stripTypeScriptTypes(example?.code ?? ""), [LOG]));
};

beforeAll(async () => {
  [probe, service] = await Promise.all([openProbe(), startKeyService(ADMIN)]);
  deps = depsWith(listening(await clientsGranted(probe.aws.endpoint, lambda.grants), asked));
  await deployExample();
}, 240_000);
afterAll(async () => {
  await service?.stop();
  await probe?.close();
});

const signal = AbortSignal.timeout(240_000);
const targetOf = (tags: object) => {
  const parsed = lambda.target.safeParse(tags);
  if (!parsed.success) throw new Error("tags");
  return parsed.data;
};
const newTarget = (more: object = {}) =>
  targetOf({
    function: "acme-rotator",
    resource: crypto.randomUUID(),
    strategy: "overlap",
    verbs: "restore sweep",
    ...more,
  });
const materialOf = ({ id, key }: { readonly id: string; readonly key: string }) => secret({ keyId: id, key });

rotatorContract("lambda", async () => {
  const target = newTarget();
  const { resource = "" } = target;
  return {
    rotator: lambda,
    deps,
    target,
    current: materialOf(service.make(resource, "rekey")),
    openSession: async ({ key }) => service.openSession(String(key)),
    stranger: async () => materialOf(service.make(resource, "somebody")),
    unreachable: () => ({
      deps: { ...deps, aws: (Client, config) => deps.aws(Client, { ...config, endpoint: "http://127.0.0.1:9" }) },
    }),
  };
});

const failureOf = async (work: Promise<unknown> | (() => Promise<unknown>)): Promise<Error> => {
  const outcome = await (typeof work === "function" ? work() : work).then(
    () => undefined,
    (error: Error) => error,
  );
  if (!outcome) throw new Error("it succeeded");
  return outcome;
};

describe("the page's function", () => {
  it("was asked only what the published schema describes", () => {
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((question) => !Question.safeParse(question).success)).toEqual([]);
    expect(new Set(asked.map((question) => (question as Question).verb)).size).toBe(6);
  });
  it.each([
    [429, Throttled],
    [503, Error],
  ] as const)("gives %s of its service a name that proves no death", async (status, kind) => {
    const target = newTarget();
    const material = materialOf(service.make(target.resource ?? "", "rekey"));
    service.mood.status = status;
    const failure = await failureOf(lambda.connect(deps).verify({ target, material, signal }));
    delete service.mood.status;
    expect(failure).toBeInstanceOf(kind);
    expect(failure).not.toBeInstanceOf(Unusable);
  });
});
