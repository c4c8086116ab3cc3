import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accountOf, IDENTIFIER, identifier, isIdentifier, KINDS } from "../../lib/core/identifier.ts";
import { withoutSecrets } from "../../lib/core/leak.ts";
import { ofArn, ofPrincipal } from "../../lib/signals/shared/aws.ts";
import { momentOf } from "../../lib/signals/shared/time.ts";

describe("identifier", () => {
  const kinds = fc.constantFrom(...KINDS.map(({ kind }) => kind), "", "name:x", "constructor");
  it("takes by its kind's form what the published form of all kinds takes, and nothing else", () => {
    const rest = fc.oneof(
      fc.string(),
      fc.constantFrom("111122223333/a", "prod/ns/name", "i-0abc1234def567890", "x:1/y"),
    );
    fc.assert(
      fc.property(kinds, rest, (kind, text) => {
        expect(isIdentifier(`${kind}:${text}`)).toBe(IDENTIFIER.test(`${kind}:${text}`));
      }),
      { numRuns: 2000 },
    );
  });
  it.each(["", ":", "aws-key", "toString:x", "aws-key:AKIA", "unknown:x"])("knows nothing in %j", (text) => {
    expect(isIdentifier(text)).toBe(false);
  });
  it("is empty where a part is missing", () => {
    expect(identifier("iam-user", "111122223333", undefined)).toEqual([]);
  });
  it("tells whose name it is, where the name says so", () => {
    expect(accountOf("assumed-role:111122223333/r/s")).toBe("111122223333");
    expect(accountOf("function:arn:aws:lambda:eu-west-1:111122223333:function:f")).toBe("111122223333");
    expect(accountOf("aws-key:AKIAIOSFODNN7EXAMPLE")).toBeUndefined();
  });
});

describe("ofArn", () => {
  it.each([
    [
      "arn:aws:sts::111122223333:assumed-role/web/i-0abc",
      ["assumed-role:111122223333/web/i-0abc", "iam-role:111122223333/web"],
    ],
    ["arn:aws:iam::111122223333:role/service-role/team/web", ["iam-role:111122223333/web"]],
    ["arn:aws-cn:iam::111122223333:user/team/ci", ["iam-user:111122223333/ci"]],
    [
      "arn:aws:lambda:eu-west-1:111122223333:function:f:PROD",
      ["function:arn:aws:lambda:eu-west-1:111122223333:function:f"],
    ],
    ["arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc1234def567890", ["instance:i-0abc1234def567890"]],
    ["arn:aws:s3:::bucket/key", ["bucket:bucket"]],
    ["arn:aws:sns:eu-west-1:111122223333:topic", []],
    ["arn:", []],
    ["no arn", []],
    [undefined, []],
  ])("%s", (arn, names) => {
    expect(ofArn(arn)).toEqual(names);
  });
  it("names no role of a caller that is none", () => {
    expect(ofPrincipal({ type: "AWSService", userName: "x" }, "111122223333")).toEqual([]);
    expect(ofPrincipal({ type: "Root", principalId: "111122223333", userName: "Root" }, "111122223333")).toEqual([]);
  });
});

describe("momentOf", () => {
  it.each([
    ["2026-11-20T10:15:02.123456789+01:00", "2026-11-20T09:15:02.123Z"],
    ["Fri, 20 Nov 2026 09:10:09 GMT", "2026-11-20T09:10:09.000Z"],
    [1795166104, "2026-11-20T09:15:04.000Z"],
    [1795166104000, "2026-11-20T09:15:04.000Z"],
    ["1795166104000000000", "2026-11-20T09:15:04.000Z"],
    ["1795166104000000", "2026-11-20T09:15:04.000Z"],
  ])("%j is %s", (given, at) => {
    expect(momentOf(given)).toBe(at);
  });
  it.each(["2026-11-20T09:15:02", "yesterday", "", 0, -1, 1e308, Number.NaN, null, {}])("%j is no time", (given) => {
    expect(momentOf(given)).toBeUndefined();
  });
});

describe("withoutSecrets", () => {
  it.each([
    "password=hunter2hunter2",
    '{"token": "hunter2hunter2"}',
    "--password hunter2hunter2",
    "Authorization: Bearer hunter2hunter2",
    "postgres://orders:hunter2hunter2@db/orders",
    "secret_access_key = hunter2hunter2",
  ])("takes the value out of %j", (text) => {
    expect(withoutSecrets(text)).not.toContain("hunter2");
    expect(withoutSecrets(text)).toContain("[secret]");
  });
  it.each([
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIi",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  ])("takes out %s", (secret) => {
    expect(withoutSecrets(`read ${secret} from a file`)).toBe("read [secret] from a file");
  });
  it.each([
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf",
    "AKIAIOSFODNN7EXAMPLE",
    "af5626b4a114abcb82d63db7c8082c3c4756e51b",
    "k8s_service_account_token was read",
  ])("leaves %s", (text) => {
    expect(withoutSecrets(text)).toBe(text);
  });
});
