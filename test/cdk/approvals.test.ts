import { expect, it } from "vitest";
import { settle } from "../../cdk/config.ts";
import { flat, manyAccounts, rekey, resources, singleAccount } from "./support.ts";

const approvers = ["arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Security_*/*"];
const respondOf = (hub: ReturnType<typeof rekey>["hub"]): string =>
  flat(
    resources(hub, "AWS::Lambda::Function").find(
      ([, { Properties }]) => Properties?.["FunctionName"] === "rekey-respond",
    ),
  );

it("has nothing wait, and grants nothing for it, until somebody may approve", () => {
  const { hub } = rekey(manyAccounts);
  expect(respondOf(hub)).toContain("REKEY_");
  expect(respondOf(hub)).not.toMatch(/REKEY_WAKE|REKEY_APPROVERS/);
  expect(
    resources(hub)
      .map(([, one]) => flat(one.Properties))
      .join(),
  ).not.toContain("CreateSchedule");
});

it("tells the function whom it wakes by and who approves; the schedules' role invokes that function alone", () => {
  const { hub } = rekey({ ...singleAccount, approvals: { approvers } });
  const env = respondOf(hub);
  for (const name of ["REKEY_WAKE_TARGET", "REKEY_WAKE_ROLE", "REKEY_APPROVERS"]) expect(env).toContain(name);
  expect(env).toContain(JSON.stringify(approvers));
  const waker = resources(hub, "AWS::IAM::Role").find(([, { Properties }]) =>
    flat(Properties?.["RoleName"]).startsWith("rekey-respond-wake"),
  )?.[1].Properties;
  const policies = flat(waker?.["Policies"]);
  expect(policies).toContain("Action: lambda:InvokeFunction");
  expect(policies).toMatch(/function:rekey-respond\b(?!\*)/);
  expect(policies.match(/Action:/g)).toHaveLength(1);
  expect(flat(waker?.["AssumeRolePolicyDocument"])).toContain("aws:SourceAccount: 111111111111");
});

it("lets the function make schedules of proposals only, and pass that role to the Scheduler only", () => {
  const { hub } = rekey({ ...singleAccount, approvals: { approvers } });
  const grants = resources(hub, "AWS::IAM::Policy").map(([, one]) => flat(one.Properties));
  const own = grants.find((grant) => grant.includes("scheduler:CreateSchedule")) ?? "";
  expect(own).toMatch(/schedule\/default\/rekey-inc-\*/);
  expect(own).toContain("iam:PassedToService: scheduler.amazonaws.com");
  expect(grants.filter((grant) => grant.includes("scheduler:CreateSchedule"))).toHaveLength(1);
});

it("refuses a config in which nobody approves, or nobody in particular is named", () => {
  const reading = (approval: readonly string[]) => () => settle({ approvals: { approvers: [...approval] } }, "x");
  expect(reading([])).toThrow(/needs an approver/);
  expect(reading(["ann"])).toThrow(/must be the ARN/);
  expect(reading(["*"])).not.toThrow();
});
