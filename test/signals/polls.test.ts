import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeAws } from "../../lib/aws/clients.ts";
import { sources } from "../../lib/catalog/sources.ts";
import { readSignals } from "../../lib/core/signal.ts";
import type { Instant, Signal, SignalSource } from "../../lib/core/types.ts";
import { reconcile } from "../../lib/engine/reconcile.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { goldens } from "../contract/source.ts";

const NOW = "2026-11-23T12:00:00.000Z";
const FROM = "2026-11-23T06:00:00.000Z" as Instant;
const ACCOUNT = "111122223333";
const PAGE = 2;

type Json = Readonly<Record<string, unknown>>;
type Api = (path: string, body: Json, method: string) => Json;

const bodyOf = async (request: IncomingMessage): Promise<Json> => {
  const chunks = await request.toArray();
  return JSON.parse(Buffer.concat(chunks).toString() || "{}") as Json;
};

/** Pages of two with a token, as each of these services answers; GuardDuty's last token is the empty text. */
const paged = (items: readonly unknown[], token: unknown) => {
  const at = Number(token || 0);
  return { items: items.slice(at, at + PAGE), next: at + PAGE < items.length ? String(at + PAGE) : "" };
};

/** Of what an event's `additionalInfo` holds the API's has `type` and `value` alone, the rest as JSON text in `value`. */
const asApi = (finding: Json): Json => {
  const service = (finding["service"] ?? {}) as Json;
  const { type = "default", value, ...rest } = (service["additionalInfo"] ?? {}) as Json;
  const additionalInfo = { type, value: value ?? JSON.stringify(rest) };
  return { ...finding, service: { ...service, additionalInfo } };
};

/** docs.aws.amazon.com/guardduty/latest/APIReference: ListDetectors, ListFindings, GetFindings. */
const guardduty =
  (findings: readonly Json[]): Api =>
  (path, body) => {
    if (path === "/detector") return { detectorIds: ["12abc34d567e8fa901bc2d34e56789f0"] };
    if (path.endsWith("/findings/get")) {
      const wanted = body["findingIds"] as readonly unknown[];
      return { findings: findings.filter(({ id }) => wanted.includes(id)).map(asApi) };
    }
    const { updatedAt } = (body["findingCriteria"] as { criterion: Record<string, { greaterThanOrEqual: number }> })
      .criterion;
    const since = updatedAt?.greaterThanOrEqual ?? 0;
    const found = findings.filter((one) => Date.parse(String(one["updatedAt"])) >= since);
    const { items, next } = paged(found, body["nextToken"]);
    return { findingIds: items.map((one) => (one as Json)["id"]), nextToken: next };
  };

/** docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html */
const securityhub =
  (findings: readonly Json[]): Api =>
  (_, body) => {
    const [{ Start }] = (body["Filters"] as { UpdatedAt: [{ Start: string }] }).UpdatedAt;
    const found = findings.filter((one) => String(one["UpdatedAt"]) >= Start);
    const { items, next } = paged(found, body["NextToken"]);
    return { Findings: items, ...(next && { NextToken: next }) };
  };

/** docs.aws.amazon.com/macie/latest/APIReference: findings (POST), findings-describe. */
const macie =
  (findings: readonly Json[]): Api =>
  (path, body) => {
    if (path.endsWith("/describe")) {
      const wanted = body["findingIds"] as readonly unknown[];
      return { findings: findings.filter(({ id }) => wanted.includes(id)) };
    }
    const { items, next } = paged(findings, body["nextToken"]);
    return { findingIds: items.map((one) => (one as Json)["id"]), ...(next && { nextToken: next }) };
  };

/** docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html: one attribute, fifty events. */
const cloudtrail =
  (records: readonly Json[]): Api =>
  (_, body) => {
    const [{ AttributeValue }] = body["LookupAttributes"] as [{ AttributeValue: string }];
    const found = records.filter(({ eventName }) => eventName === AttributeValue);
    const { items, next } = paged(found, body["NextToken"]);
    return { Events: items.map((one) => ({ CloudTrailEvent: JSON.stringify(one) })), ...(next && { NextToken: next }) };
  };

const servers: Server[] = [];
const serve = async (api: Api): Promise<string> => {
  const server = createServer(async (request, response) => {
    try {
      const answer = api(request.url ?? "", await bodyOf(request), request.method ?? "");
      response.setHeader("content-type", "application/x-amz-json-1.1").end(JSON.stringify(answer));
    } catch (error) {
      response.statusCode = 500;
      response.end(JSON.stringify({ __type: "InternalServerErrorException", message: String(error) }));
    }
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
afterAll(() => {
  for (const server of servers) server.close();
});

beforeAll(() => {
  process.env["AWS_REGION"] ??= "eu-central-1";
});
const client = (endpoint: string) => ({
  endpoint,
  region: "eu-central-1",
  maxAttempts: 1,
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "none" },
});

type Golden = { readonly name: string; readonly event: { readonly detail: Json; readonly "replay-name"?: string } };
const eventsOf = (name: string) => goldens(join(import.meta.dirname, name)) as readonly Golden[];

const poll = async (source: SignalSource, api: Api) => {
  const sent: string[] = [];
  const world = {
    sources: [source],
    aws: makeAws(client(await serve(api))),
    clock: memoryClock(NOW),
    account: ACCOUNT,
    region: "eu-central-1",
    send: async (body: string) => void sent.push(body),
  };
  const told = await reconcile(world, FROM, AbortSignal.timeout(20_000));
  return { told, sent: sent.map((body) => JSON.parse(body) as Json) };
};

const byId = (signals: readonly Signal[]) => [...signals].sort((a, b) => a.id.localeCompare(b.id));
const signalsOf = async (events: readonly unknown[]) => {
  const read = await Promise.all(events.map((event) => readSignals(sources, event)));
  return byId(read.flatMap((one) => ("signals" in one ? one.signals : [])));
};
const named = (name: string): SignalSource => {
  const found = (sources as readonly SignalSource[]).find((one) => one.name === name);
  if (found) return found;
  throw new Error(`there is no source ${name}`);
};

/** Fresh ids and times, so that goldens of one finding are many findings of this hour. */
const asOfNow = (events: readonly Golden[], fields: (n: number) => Json): readonly Golden[] =>
  events.map((one, n) => ({ ...one, event: { ...one.event, detail: { ...one.event.detail, ...fields(n) } } }));

describe("what EventBridge should have brought, asked of the detector itself", () => {
  it("GuardDuty: every golden finding gives the same signal by either way", async () => {
    // These are no findings that its API could answer with; a sequence has resources there of which its client knows less.
    const whole = eventsOf("guardduty").filter(
      ({ name, event }) => !/malformed|hostile|no-account|unknown|sequence/.test(name) && !event["replay-name"],
    );
    const events = asOfNow(whole, (n) => ({ id: `f${n}`, updatedAt: "2026-11-23T11:00:00.000Z" }));
    const { sent, told } = await poll(named("guardduty"), guardduty(events.map(({ event }) => event.detail)));
    expect(told).toEqual([{ source: "guardduty", found: events.length, sent: sent.length }]);
    const [direct, polled] = await Promise.all([signalsOf(events.map(({ event }) => event)), signalsOf(sent)]);
    expect(direct.length).toBeGreaterThan(15);
    expect(polled).toEqual(direct);
  });

  it("Security Hub: the same, and results of controls are not sent on", async () => {
    const findings = eventsOf("securityhub")
      .filter(({ name, event }) => !/malformed|hostile/.test(name) && !event["replay-name"])
      .flatMap(({ event }) => (event.detail["findings"] as readonly Json[]) ?? [])
      .map((one, n) => ({ ...one, Id: `finding-${n}`, UpdatedAt: "2026-11-23T11:00:00.000Z" }));
    const { sent, told } = await poll(named("securityhub"), securityhub(findings));
    expect(told[0]).toMatchObject({ found: findings.length });
    const envelope = { source: "aws.securityhub", "detail-type": "Security Hub Findings - Imported", account: ACCOUNT };
    const direct = await signalsOf(findings.map((one) => ({ ...envelope, detail: { findings: [one] } })));
    expect(direct.length).toBeGreaterThan(2);
    expect(await signalsOf(sent)).toEqual(direct);
  });

  it("Macie: the same", async () => {
    const whole = eventsOf("macie").filter(({ name }) => !/malformed|hostile/.test(name));
    const events = asOfNow(whole, (n) => ({ id: `f${n}`, updatedAt: "2026-11-23T11:00:00.000Z" }));
    const { sent } = await poll(named("macie"), macie(events.map(({ event }) => event.detail)));
    const direct = await signalsOf(events.map(({ event }) => event));
    expect(direct.length).toBeGreaterThan(0);
    expect(await signalsOf(sent)).toEqual(direct);
  });

  it("CloudTrail: the same, and calls that mean nothing are not sent on", async () => {
    // The rule leaves policies that were taken off out as well.
    const listed = eventsOf("cloudtrail").filter(({ name }) => name !== "deny-taken-off");
    const whole = asOfNow(listed, (n) => ({ eventID: `event-${n}` }));
    const { sent } = await poll(named("cloudtrail"), cloudtrail(whole.map(({ event }) => event.detail)));
    const direct = await signalsOf(whole.map(({ event }) => event));
    expect(direct.length).toBeGreaterThan(4);
    expect(await signalsOf(sent)).toEqual(direct);
  });

  it("asks for the span only", async () => {
    const [golden] = eventsOf("guardduty");
    const old = { ...golden?.event.detail, id: "old", updatedAt: "2026-11-22T00:00:00.000Z" };
    expect((await poll(named("guardduty"), guardduty([old]))).sent).toEqual([]);
  });

  it("a detector that is not there, or stops answering, hides no other: its problem is told", async () => {
    const refused: Api = () => {
      throw new Error("AccessDenied");
    };
    const { told } = await poll(named("guardduty"), refused);
    expect(told).toMatchObject([{ source: "guardduty", sent: 0, problem: expect.stringContaining("AccessDenied") }]);
  });
});
