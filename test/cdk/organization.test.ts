import type { Stack } from "aws-cdk-lib";
import { expect, test } from "vitest";
import { manyAccounts, rekey, resources, statements } from "./support.ts";

const policyArn = "arn:aws:organizations::999999999999:policy/o-a1b2c3d4e5/service_control_policy/p-12345678";
const quarantine = { roles: ["app-*"], users: [], organization: { policyArn } };
const organizations = (stack: Stack) =>
  statements(stack).flatMap(({ holder, actions, resources: on }) =>
    actions.filter((one) => one.startsWith("organizations:")).map((action) => ({ holder, action, on })),
  );

test("one function in the hub may write the one policy that the config names, and nobody may without it", () => {
  const { hub, spokes } = rekey({ ...manyAccounts, quarantine });
  const granted = organizations(hub);
  expect(new Set(granted.map(({ holder }) => holder)).size).toBe(1);
  const writing = granted.filter(({ action }) => !/:(?:Describe|List)/.test(action));
  expect(writing.map(({ action, on }) => [action, on])).toEqual([["organizations:UpdatePolicy", [policyArn]]]);
  expect(new Set(granted.map(({ action }) => action))).toEqual(
    new Set(
      ["DescribePolicy", "ListParents", "ListTargetsForPolicy", "UpdatePolicy"].map((one) => `organizations:${one}`),
    ),
  );
  expect(spokes.flatMap(organizations)).toEqual([]);
  const without = rekey({ ...manyAccounts, quarantine: { roles: ["app-*"] } }).hub;
  expect(organizations(without)).toEqual([]);
  expect(JSON.stringify(resources(without, "AWS::Lambda::Function"))).not.toContain("REKEY_ORGANIZATION");
});

test("what is no service control policy's ARN is refused", () => {
  const wrong = { ...quarantine, organization: { policyArn: "p-12345678" } };
  expect(() => rekey({ ...manyAccounts, quarantine: wrong })).toThrow(/quarantine.organization.policyArn/);
});
