import { describe, expect, it } from "vitest";
import { readsSince } from "../../lib/aws/reads.ts";
import type { Aws, Credential, CredentialId, Instant, VersionId } from "../../lib/core/types.ts";

const ID = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db/orders-AbCdEf" as CredentialId;
const credential = { id: ID, name: "db/orders" } as Credential;
const OLD = "old-version" as VersionId;
const AT = new Date("2026-11-20T09:00:00.000Z");

/** docs.aws.amazon.com/awscloudtrail/latest/userguide: cloudtrail-event-reference-record-contents. */
const record = (who: string, requestParameters: object | null, over: object = {}) => ({
  EventName: "GetSecretValue",
  EventTime: AT,
  CloudTrailEvent: JSON.stringify({
    eventSource: "secretsmanager.amazonaws.com",
    eventName: "GetSecretValue",
    userIdentity: { type: "AssumedRole", arn: who },
    requestParameters,
    responseElements: null,
    ...over,
  }),
});
const role = (name: string) => `arn:aws:sts::111122223333:assumed-role/${name}/session`;

/** Answers page by page, as LookupEvents does. */
const trail = (...pages: readonly (readonly object[])[]) => {
  const asked: (string | undefined)[] = [];
  const aws = (() => ({
    send: async ({ input }: { input: { NextToken?: string } }) => {
      asked.push(input.NextToken);
      const at = Number(input.NextToken ?? 0);
      return { Events: pages[at] ?? pages[0], ...(at + 1 < pages.length && { NextToken: `${at + 1}` }) };
    },
  })) as unknown as Aws;
  return { aws, asked };
};
const read = ({ aws }: ReturnType<typeof trail>) =>
  readsSince(aws, credential, {
    since: AT.toISOString() as Instant,
    labels: { previous: OLD },
    ours: ["rekey-rotate-default"],
  });

describe("readings of a secret in CloudTrail", () => {
  it("are those of this secret, by ARN or name, with the version that was asked for", async () => {
    const { reads, isWhole } = await read(
      trail([
        record(role("web"), { secretId: ID }),
        record(role("batch"), { secretId: "db/orders", versionStage: "AWSPREVIOUS" }),
        record(role("pinned"), { secretId: ID, versionId: "v7" }),
        record(role("other"), { secretId: "db/other" }),
        record(role("none"), null),
      ]),
    );
    expect(isWhole).toBe(true);
    expect(reads.map(({ who, version }) => [who.split("/")[1], version])).toEqual([
      ["web", undefined],
      ["batch", OLD],
      ["pinned", "v7"],
    ]);
  });

  it("are neither Rekey's own, nor refused ones, nor what is no record", async () => {
    const { reads } = await read(
      trail([
        record(role("rekey-rotate-default-eu-west-1"), { secretId: ID }),
        record(role("rekey-rotate-defaulter"), { secretId: ID }),
        record(role("web"), { secretId: ID }, { errorCode: "AccessDenied" }),
        { EventName: "GetSecretValue", EventTime: AT, CloudTrailEvent: "{" },
      ]),
    );
    expect(reads.map(({ who }) => who.split("/")[1])).toEqual(["rekey-rotate-defaulter"]);
  });

  it("come page by page, never faster than twice a second", async () => {
    const pages = trail([record(role("a"), { secretId: ID })], [record(role("b"), { secretId: ID })], []);
    const since = performance.now();
    expect((await read(pages)).reads).toHaveLength(2);
    expect(pages.asked).toEqual([undefined, "1", "2"]);
    expect(performance.now() - since).toBeGreaterThan(1_000);
  });
});
