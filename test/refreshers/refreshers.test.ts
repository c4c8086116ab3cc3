import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { ECS } from "@aws-sdk/client-ecs";
import { IAM } from "@aws-sdk/client-iam";
import { InvokeCommand, Lambda } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { refreshers } from "../../lib/catalog/refreshers.ts";
import { Misconfigured } from "../../lib/core/errors.ts";
import type { Refresher, RefresherVerbs } from "../../lib/core/refresher.ts";
import type { Aws, Grant, Instant } from "../../lib/core/types.ts";
import ecs from "../../lib/refreshers/ecs.ts";
import externalSecret from "../../lib/refreshers/external-secret.ts";
import lambda from "../../lib/refreshers/lambda.ts";
import { makeFunction, openProbe } from "../local/probe.ts";
import { certificateFor } from "../support/certificate.ts";
import { realClock } from "../support/clock.ts";
import { clientsGranted } from "../support/granted.ts";

const signal = AbortSignal.timeout(120_000);
/** AWS tells whole seconds or less: what began before is a moment before. */
const momentLater = () => realClock.sleep(1_100);
/** The local AWS and Kubernetes tell whole seconds. */
const thisSecond = () => realClock.now().replace(/\.\d+Z$/, ".000Z") as Instant;
const named = (grants: readonly Grant[], name: string): readonly Grant[] =>
  grants.map((grant) => ({ ...grant, resources: grant.resources.map((one) => one.replace("$" + "{name}", name)) }));

let probe: Awaited<ReturnType<typeof openProbe>>;
beforeAll(async () => {
  probe = await openProbe();
}, 240_000);
afterAll(() => probe?.close());

const verbsOf = async (refresher: Refresher, name: string): Promise<RefresherVerbs> =>
  refresher.connect({ aws: await clientsGranted(probe.aws.endpoint, named(refresher.grants, name)), clock: realClock });

const until = async (verbs: RefresherVerbs, name: string, since: Instant, state: string) => {
  for (let looks = 0; looks < 60; looks += 1) {
    const progress = await verbs.look(name, since, signal);
    if (progress.state === state) return;
    await realClock.sleep(500);
  }
  throw new Error(`${name} never was ${state}`);
};

/** What every kind of consumer promises, under exactly its own grants. */
const refresherContract = (
  refresher: Refresher,
  arrange: () => Promise<{ readonly name: string; readonly verbs: RefresherVerbs }>,
) =>
  describe(`refresher contract: ${refresher.kind}`, () => {
    it("has an example of its own form", () => {
      expect(refresher.example).toMatch(refresher.form);
    });
    it("runs as it did until it is begun, then is done; looking changes nothing and beginning twice does no harm", async () => {
      const { name, verbs } = await arrange();
      await momentLater();
      const since = thisSecond();
      expect(await verbs.look(name, since, signal)).toEqual({ state: "not begun" });
      expect(await verbs.look(name, since, signal)).toEqual({ state: "not begun" });
      await verbs.begin(name, signal);
      await until(verbs, name, since, "done");
      await verbs.begin(name, signal).catch(() => undefined);
      await until(verbs, name, since, "done");
    }, 60_000);
    it("says what there is not, with the mend", async () => {
      const { verbs } = await arrange();
      const nobody = refresher.example.replace(/[a-z]+$/, "nobody");
      await expect(verbs.look(nobody, realClock.now(), signal)).rejects.toBeInstanceOf(Misconfigured);
    });
  });

const LOG = { Effect: "Allow", Action: "logs:PutLogEvents", Resource: "*" } as const;
/** Remembers when its environment began, as one that read a secret then. */
const SOURCE = "const began = Date.now(); export const handler = async () => ({ began });";

describe("a Lambda function", () => {
  const clients = () => ({ iam: new IAM(probe.config), lambda: new Lambda(probe.config) });
  const began = async () => {
    const out = await clients().lambda.send(new InvokeCommand({ FunctionName: "reports" }));
    return (JSON.parse(new TextDecoder().decode(out.Payload)) as { began: number }).began;
  };
  let made: Promise<unknown> | undefined;
  const arrange = async () => {
    made ??= makeFunction(clients(), "reports", SOURCE, [LOG]);
    await made;
    return { name: "reports", verbs: await verbsOf(lambda, "*") };
  };
  refresherContract(lambda, arrange);

  it("begins new environments and keeps its variables", async () => {
    const { name, verbs } = await arrange();
    const variables = { KEPT: "as it was" };
    await clients().lambda.updateFunctionConfiguration({ FunctionName: name, Environment: { Variables: variables } });
    await until(verbs, name, "2020-01-01T00:00:00.000Z" as Instant, "done");
    const before = await began();
    await momentLater();
    const since = realClock.now();
    await verbs.begin(name, signal);
    await until(verbs, name, since, "done");
    expect(await began()).toBeGreaterThan(before);
    const { Environment } = await clients().lambda.getFunctionConfiguration({ FunctionName: name });
    expect(Environment?.Variables).toMatchObject(variables);
  }, 60_000);
});

describe("an ECS service", () => {
  let made: Promise<unknown> | undefined;
  const make = async () => {
    const client = new ECS(probe.config);
    await client.createCluster({ clusterName: "prod" });
    const containerDefinitions = [{ name: "app", image: "none", memory: 128 }];
    await client.registerTaskDefinition({ family: "orders", containerDefinitions });
    await client.createService({ cluster: "prod", serviceName: "orders", taskDefinition: "orders", desiredCount: 0 });
  };
  // Tasks are containers, and here is nothing to run them: this service wants none. How others end is told below.
  const arrange = async () => {
    made ??= make();
    await made;
    return { name: "prod/orders", verbs: await verbsOf(ecs, "prod/*") };
  };
  refresherContract(ecs, arrange);

  /** docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html */
  const told = async (deployments: readonly object[]) => {
    const aws: Aws = () => ({ send: async () => ({ services: [{ status: "ACTIVE", deployments }] }) }) as never;
    const verbs = await ecs.connect({ aws, clock: realClock });
    return verbs.look("prod/orders", "2026-11-23T12:00:00.000Z" as Instant, signal);
  };
  const primary = (rolloutState: string, createdAt = "2026-11-23T12:00:05Z") => ({
    status: "PRIMARY",
    createdAt: new Date(createdAt),
    rolloutState,
    rolloutStateReason: "ECS deployment circuit breaker: tasks failed to start.",
  });
  const old = { status: "ACTIVE", createdAt: new Date("2026-11-01T00:00:00Z"), rolloutState: "COMPLETED" };

  it("is done once ECS calls the new deployment completed, and failed when its circuit breaker gave it up", async () => {
    expect(await told([primary("IN_PROGRESS"), old])).toEqual({ state: "under way" });
    expect(await told([primary("COMPLETED")])).toEqual({ state: "done" });
    expect(await told([primary("FAILED"), old])).toMatchObject({
      state: "failed",
      why: expect.stringContaining("circuit breaker"),
    });
    expect(await told([primary("COMPLETED", "2026-11-23T11:59:59Z")])).toEqual({ state: "not begun" });
  });
  it("that another controller deploys is said to be none of ours", async () => {
    await expect(told([])).rejects.toBeInstanceOf(Misconfigured);
  });
});

/**
 * An EKS cluster's API with the External Secrets Operator behind it, as their pages say: bearer token, GET and merge
 * patch of one object, and `status` a moment after an annotation was changed (external-secrets.io/latest/introduction/faq).
 */
const cluster = async ({ breaks = false } = {}) => {
  const { cert, key } = certificateFor("localhost");
  const object = {
    metadata: { annotations: { owner: "payments" } as Record<string, string> },
    status: {
      refreshTime: "2026-11-01T00:00:00Z",
      conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-11-01T00:00:00Z" }],
    },
  };
  const tokens: string[] = [];
  const synchronise = () => {
    const now = new Date().toISOString();
    if (breaks) object.status.conditions = [{ type: "Ready", status: "False", lastTransitionTime: now }];
    else object.status.refreshTime = now;
  };
  const server: Server = createServer({ cert, key }, async (request, response) => {
    tokens.push(request.headers.authorization ?? "");
    const isIt = request.url === "/apis/external-secrets.io/v1/namespaces/payments/externalsecrets/orders-db";
    if (isIt && request.method === "PATCH") {
      const { metadata } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      object.metadata.annotations = { ...object.metadata.annotations, ...metadata.annotations };
      setTimeout(synchronise, 300);
    }
    response.statusCode = isIt ? 200 : 404;
    response.setHeader("content-type", "application/json").end(JSON.stringify(isIt ? object : { kind: "Status" }));
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const endpoint = `https://localhost:${(server.address() as AddressInfo).port}`;
  const described = { cluster: { endpoint, certificateAuthority: { data: Buffer.from(cert).toString("base64") } } };
  const real = makeAws({
    region: "eu-central-1",
    credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "not-sent-anywhere" },
  });
  // Of EKS one answer is needed, of STS none: its call is signed and handed to the cluster.
  const aws: Aws = (Client, config) =>
    Client.name === "EKSClient" ? ({ send: async () => described } as never) : real(Client, config);
  return { object, tokens, verbs: await externalSecret.connect({ aws, clock: realClock }), stop: () => server.close() };
};

describe("an ExternalSecret", () => {
  const open: { stop: () => unknown }[] = [];
  afterAll(() => {
    for (const one of open) one.stop();
  });
  const arrange = async (choice = {}) => {
    const made = await cluster(choice);
    open.push(made);
    return { ...made, name: "prod/payments/orders-db" };
  };
  refresherContract(externalSecret, arrange);

  it("is asked with a token that says who asks, for that cluster, and for a minute", async () => {
    const { name, verbs, tokens } = await arrange();
    await verbs.look(name, realClock.now(), signal);
    const [, token = ""] = /^Bearer k8s-aws-v1\.([\w-]+)$/.exec(tokens[0] ?? "") ?? [];
    const url = new URL(Buffer.from(token, "base64url").toString());
    expect(`${url.origin}${url.pathname}`).toBe("https://sts.eu-central-1.amazonaws.com/");
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      Action: "GetCallerIdentity",
      "X-Amz-Expires": "60",
      "X-Amz-SignedHeaders": "host;x-k8s-aws-id",
    });
  });

  it("keeps its other annotations, and one that its operator cannot synchronise has failed", async () => {
    const { name, verbs, object } = await arrange({ breaks: true });
    const since = realClock.now();
    await verbs.begin(name, signal);
    await until(verbs, name, since, "failed");
    expect(object.metadata.annotations).toMatchObject({ owner: "payments", "force-sync": expect.any(String) });
  });
});

it("every kind in the catalog is held to the contract here", () => {
  expect(refreshers.map(({ kind }) => kind)).toEqual([ecs.kind, lambda.kind, externalSecret.kind]);
});
