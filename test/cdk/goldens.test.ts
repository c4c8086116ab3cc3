import type { Stack } from "aws-cdk-lib";
import { expect, test } from "vitest";
import {
  expectGolden,
  flat,
  manyAccounts,
  rekey,
  resources,
  type Statement,
  singleAccount,
  statements,
} from "./support.ts";

const line = ({ holder, effect, principal, actions, resources: on, condition }: Statement): readonly string[] =>
  actions.flatMap((action) =>
    on.map((resource) =>
      [
        holder,
        ...(principal ? [`for ${principal}`] : []),
        effect,
        action,
        resource,
        ...(condition ? [`if ${condition}`] : []),
      ].join("  "),
    ),
  );
const matrix = (stacks: readonly Stack[]) => [...new Set(stacks.flatMap(statements).flatMap(line))];
const all = ({ hub, spokes }: ReturnType<typeof rekey>): readonly Stack[] => [hub, ...spokes];
const single = rekey(singleAccount);

test("who may do what, single account", () => {
  expectGolden("iam", matrix(all(single)));
});

test("who may do what beyond that, when workloads are in other accounts", () => {
  const before = new Set(matrix(all(single)));
  expectGolden(
    "iam-other-accounts",
    matrix(all(rekey(manyAccounts))).filter((text) => !before.has(text)),
  );
});

test("rules and what they reach", () => {
  const rules = all(single).flatMap((stack) => resources(stack, "AWS::Events::Rule"));
  const lines = rules.map(([, { Properties: p = {} }]) =>
    [p["Name"], p["State"], p["ScheduleExpression"] ?? flat(p["EventPattern"]), "->", flat(p["Targets"])]
      .map(String)
      .join("  "),
  );
  expectGolden("rules", lines);
});

const KEPT = ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SQS::Queue", "AWS::Logs::LogGroup"];
const TOLD = [
  "DeletionProtectionEnabled",
  "PointInTimeRecoverySpecification",
  "TimeToLiveSpecification",
  "StreamSpecification",
  "ObjectLockEnabled",
  "VersioningConfiguration",
  "LifecycleConfiguration",
  "BucketEncryption",
  "PublicAccessBlockConfiguration",
  "KeySpec",
  "KeyUsage",
  "MessageRetentionPeriod",
  "VisibilityTimeout",
  "SqsManagedSseEnabled",
  "RedrivePolicy",
  "RetentionInDays",
];

test("what is kept, for how long, how encrypted", () => {
  const lines = all(single).flatMap((stack) =>
    resources(stack)
      .filter(([, { Type }]) => KEPT.includes(Type))
      .flatMap(([, resource]) => {
        const p = resource.Properties ?? {};
        const name = flat(p["TableName"] ?? p["BucketName"] ?? p["QueueName"] ?? p["LogGroupName"] ?? p["Description"]);
        const deletion = String((resource as { DeletionPolicy?: string }).DeletionPolicy ?? "Delete");
        return [
          `${name}  on delete: ${deletion}`,
          ...TOLD.filter((key) => key in p).map((key) => `${name}  ${key}: ${flat(p[key])}`),
        ];
      }),
  );
  expectGolden("kept", lines);
});

test("what runs", () => {
  const functions = all(single).flatMap((stack) => resources(stack, "AWS::Lambda::Function"));
  const lines = functions.map(([, { Properties: p = {} }]) =>
    [
      p["FunctionName"],
      p["Runtime"],
      flat(p["Architectures"]),
      `${p["MemorySize"]} MB`,
      `${p["Timeout"]} s`,
      flat((p["Environment"] as { Variables: unknown }).Variables),
    ].join("  "),
  );
  expect(lines.every((text) => text.includes("nodejs24.x  arm64"))).toBe(true);
  expectGolden("functions", lines);
});
