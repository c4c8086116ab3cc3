import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sources as lazy } from "../../lib/catalog.ts";
import { delivery, loaded, parseSignals } from "../../lib/core/signal.ts";
import type { Channel } from "../../lib/core/types.ts";
import { claimsOf, unwrapped } from "../../lib/core/unwrap.ts";

const sources = await Promise.all(lazy.map(loaded));

const golden = (path: string): object => JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"));
const falco = golden("falco/fixture.json");
const finding = golden("guardduty/fixture-iam-user-key.json");
const channel: Channel = { name: "falco-prod", account: "111122223333", cluster: "prod" };
const signalsOf = (event: unknown, by?: Channel) => {
  const parsed = parseSignals(sources, event, by);
  return "signals" in parsed ? parsed.signals : [];
};

describe("unwrapped", () => {
  const text = JSON.stringify(falco);
  const base64 = Buffer.from(text).toString("base64");
  it.each([
    ["a bare body", falco],
    ["a list", [falco]],
    ["Lambda's batch from SQS", { Records: [{ messageId: "m", eventSource: "aws:sqs", body: text }] }],
    ["SQS's own answer", { Messages: [{ MessageId: "m", Body: text }] }],
    ["one message of a queue", { MessageId: "m", Body: text }],
    ["an SNS notification", { Type: "Notification", TopicArn: "t", Message: text }],
    ["Lambda's event from SNS", { Records: [{ EventSource: "aws:sns", Sns: { Message: text } }] }],
    ["SNS inside SQS", { Records: [{ body: JSON.stringify({ Type: "Notification", Message: text }) }] }],
    ["Kinesis", { Records: [{ eventSource: "aws:kinesis", kinesis: { data: base64 } }] }],
    ["a function URL's request", { version: "2.0", headers: {}, body: text, isBase64Encoded: false }],
    ["the same in base64", { version: "2.0", headers: {}, body: base64, isBase64Encoded: true }],
  ])("finds the body in %s", (_, given) => {
    expect(unwrapped(given)).toEqual([falco]);
  });
  it("leaves EventBridge events and deliveries whole", () => {
    expect(unwrapped(finding)).toEqual([finding]);
    expect(unwrapped([delivery(channel, falco)])).toEqual([delivery(channel, falco)]);
  });
  it("ends, however deep something is wrapped", () => {
    const deep = Array.from({ length: 200 }).reduce((now: unknown) => [now], falco);
    expect(unwrapped(deep)).toHaveLength(1);
  });
});

describe("a channel", () => {
  it("gives account and cluster, whatever the body says", () => {
    const lying = {
      ...falco,
      output_fields: { ...golden("falco/fixture.json"), cluster: "other", aws_account: "444455556666" },
    };
    expect(signalsOf(lying, channel)).toMatchObject([{ account: "111122223333" }]);
    expect(JSON.stringify(signalsOf(falco, channel))).toContain("pod:prod/payments/");
  });
  it("wrapped by the ingress, is the same as given beside", () => {
    expect(signalsOf(delivery(channel, falco))).toEqual(signalsOf(falco, channel));
  });
  it("brings no EventBridge event: its account would be of the sender's choice", () => {
    expect(parseSignals(sources, finding, channel)).toHaveProperty("rejected");
    expect(parseSignals(sources, delivery(channel, finding))).toHaveProperty("rejected");
  });
  it("cannot be claimed from inside another's body", () => {
    const inner = delivery({ name: "forged", account: "444455556666" }, falco);
    expect(parseSignals(sources, delivery(channel, inner))).toHaveProperty("rejected");
  });
  it("without an account acts for none", () => {
    expect(signalsOf(falco, { name: "half" })).toMatchObject([{ account: "unknown", inert: "unbound" }]);
  });
});

describe("a body on a bus", () => {
  const carried = { source: "Pipe falco", "detail-type": "Event from aws:sqs", account: "111122223333", detail: falco };
  it("has the account that EventBridge tells, and no cluster", () => {
    expect(signalsOf(carried)).toMatchObject([{ source: "falco", account: "111122223333" }]);
    expect(JSON.stringify(signalsOf(carried))).toContain("pod:-/payments/");
  });
  it("is refused by the words of its envelope where no source knows it", () => {
    expect(parseSignals(sources, { ...carried, detail: {} })).toEqual({
      rejected: 'no signal source takes events with source "Pipe falco" and detail-type "Event from aws:sqs"',
    });
  });
});

describe("what no source accepts", () => {
  it.each([
    [
      { alert: { number: 1 }, repository: { full_name: "o/r" } },
      "nearest is github-secret-scanning, but action is missing",
    ],
    [{ rule: "r", priority: "Critical" }, "nearest is falco, but output_fields is missing"],
    [{ hello: "world" }, "no signal source knows its form"],
    [[], "not an event: it is a list"],
    ["text", 'not an event: it is "text"'],
    [null, "not an event: it is of type null"],
  ])("is told: %j", (event, reason) => {
    expect(parseSignals(sources, event)).toEqual({ rejected: expect.stringContaining(reason) });
  });
  it("names the first field that a known source misses", () => {
    const { time, ...rest } = falco as { time: string };
    expect(time).toBeTruthy();
    expect(parseSignals(sources, rest)).toEqual({ rejected: "falco: time is missing or wrong (invalid_union)" });
  });
});

describe("claimsOf", () => {
  const claims = golden("ssf/fixture-credential-change.json");
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  it("reads a compact token, unverified", () => {
    expect(claimsOf(`${part({ alg: "RS256", typ: "secevent+jwt" })}.${part(claims)}.c2ln`)).toEqual(claims);
  });
  it.each(["", "a.b", "a.b.c", "{}"])("knows no claims in %j", (text) => {
    expect(claimsOf(text)).toBeUndefined();
  });
});
