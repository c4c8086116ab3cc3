import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allowIn,
  denyIn,
  isDeniedIn,
  ORGANIZATION_QUOTA,
  organizationGrants,
  outOfReach,
  policyOf,
} from "../../lib/core/organization-policy.ts";
import type { PrincipalPlan } from "../../lib/core/quarantine.ts";
import type { Identifier } from "../../lib/core/types.ts";

const OWNERS =
  '{\n  "Version": "2012-10-17",\n  "Statement": [{ "Sid": "Theirs", "Effect": "Deny", "Action": "s3:*", "Resource": "*" }]\n}';
const incidentOf = (n: number) => `inc-${String(n).padStart(16, "0")}`;
const planOf = (principal: Identifier, sessions: readonly string[] = []): PrincipalPlan => ({
  principal,
  arn: "arn:aws:iam::111122223333:role/any",
  narrowed: { sessions, podUids: [], instances: [], functions: [] },
  rung: "principal",
  widest: "organization",
});
const statements = (text: string) => JSON.parse(text).Statement;

const principals = fc
  .tuple(
    fc.constantFrom("role", "user"),
    fc.constantFrom("111122223333", "444455556666"),
    fc.constantFrom("a", "b", "c"),
  )
  .map(([kind, account, name]): Identifier => `iam-${kind}:${account}/${name}`);
const steps = fc.array(fc.record({ incident: fc.integer({ min: 1, max: 4 }), principal: principals }), {
  maxLength: 12,
});

describe("the organisation's policy", () => {
  it("is as its owner left it once all that was denied is allowed again, in any order", () => {
    const property = fc.property(steps, fc.infiniteStream(fc.nat()), (done, order) => {
      const denied = done.reduce(
        (text, { incident, principal }) => denyIn(text, incidentOf(incident), planOf(principal)),
        OWNERS,
      );
      const undone = done
        .map((one) => ({ one, key: order.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .reduce((text, { one }) => allowIn(text, incidentOf(one.incident), planOf(one.principal)) ?? text, denied);
      expect(statements(undone)).toEqual(statements(OWNERS));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("keeps what another incident denies of the same principal", () => {
    const plan = planOf("iam-role:111122223333/shared");
    const both = denyIn(denyIn(OWNERS, incidentOf(1), plan), incidentOf(2), plan);
    const left = allowIn(both, incidentOf(1), plan) ?? "";
    expect([isDeniedIn(left, incidentOf(1), plan), isDeniedIn(left, incidentOf(2), plan)]).toEqual([false, true]);
    expect(allowIn(left, incidentOf(1), plan)).toBeUndefined();
  });

  it("names a role whatever its path, and of a permission set the session alone", () => {
    expect(statements(denyIn(OWNERS, incidentOf(1), planOf("iam-role:111122223333/shared"))).at(-1)).toEqual({
      Sid: "RekeyArn0000000000000001",
      Effect: "Deny",
      Action: "*",
      Resource: "*",
      Condition: { ArnLike: { "aws:PrincipalArn": ["arn:aws:iam::111122223333:role*/shared"] } },
    });
    const sso = planOf("iam-role:111122223333/AWSReservedSSO_Admin_0123456789abcdef", [
      "AROAEXAMPLEEXAMPLE000:alice@example.com",
    ]);
    expect(statements(denyIn(OWNERS, incidentOf(1), sso)).at(-1).Condition).toEqual({
      StringEquals: { "aws:userid": ["AROAEXAMPLEEXAMPLE000:alice@example.com"] },
    });
  });

  it("still states something when nobody is denied any more, and a statement that was weakened denies nobody", () => {
    const plan = planOf("iam-user:111122223333/ci");
    const empty = allowIn(denyIn('{"Version":"2012-10-17","Statement":[]}', incidentOf(1), plan), incidentOf(1), plan);
    expect(statements(empty ?? "")).toMatchObject([{ Sid: "RekeyIdle", Effect: "Deny" }]);
    const weak = denyIn(OWNERS, incidentOf(1), plan).replace(
      '"Action":"*","Resource":"*","Condition":{"ArnLike"',
      '"Action":"s3:*","Resource":"*","Condition":{"ArnLike"',
    );
    expect(isDeniedIn(weak, incidentOf(1), plan)).toBe(false);
    expect(isDeniedIn(denyIn(weak, incidentOf(1), plan), incidentOf(1), plan)).toBe(true);
    expect(() => denyIn("not json", incidentOf(1), plan)).toThrow(/not JSON/);
  });

  it("holds 50 incidents", () => {
    const full = Array.from({ length: 50 }, (_, n) => n).reduce(
      (text, n) => denyIn(text, incidentOf(n), planOf(`iam-role:111122223333/application-role-${n}`)),
      OWNERS,
    );
    expect(full.length).toBeLessThan(ORGANIZATION_QUOTA);
  });
});

describe("who is out of its reach", () => {
  it.each([
    ["iam-role:999999999999/any", [], /management account/],
    ["iam-role:111122223333/AWSServiceRoleForECS", [], /linked to a service/],
    ["iam-role:111122223333/AWSReservedSSO_Admin_0123456789abcdef", [], /name the session/],
    ["iam-role:111122223333/AWSReservedSSO_Admin_0123456789abcdef", ["AROA:x"], undefined],
    ["iam-role:111122223333/shared", [], undefined],
  ] as const)("%s", (principal, sessions, why) => {
    const told = outOfReach(planOf(principal, sessions), "999999999999");
    if (why) expect(told).toMatch(why);
    else expect(told).toBeUndefined();
  });

  it("is said by the policy's ARN, which is all that may be written", () => {
    const arn = "arn:aws:organizations::999999999999:policy/o-a1b2c3d4e5/service_control_policy/p-12345678";
    expect(policyOf(arn)).toEqual({ management: "999999999999", organization: "o-a1b2c3d4e5", id: "p-12345678" });
    expect(() => policyOf("p-12345678")).toThrow(/not the ARN/);
    const writing = organizationGrants(arn).filter(({ actions }) =>
      actions.some((one) => /Update|Put|Attach|Create/.test(one)),
    );
    expect(writing.flatMap(({ resources }) => resources)).toEqual([arn]);
  });
});
