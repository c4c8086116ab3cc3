import { Match, Template } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { filled } from "../../cdk/grants.ts";
import { ruled } from "../../lib/catalog.ts";
import { HUB, manyAccounts, rekey, resources, singleAccount, statements } from "./support.ts";

const { hub, spokes } = rekey(singleAccount);
const hubTemplate = Template.fromStack(hub);
const [spoke] = spokes;
const spokeTemplate = Template.fromStack(spoke ?? hub);

test("a signal waits at most for its turn: no batching window, one by one acknowledged, twenty tries over an hour, then rejected", () => {
  hubTemplate.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
    EventSourceArn: { "Fn::GetAtt": [Match.stringLikeRegexp("QueuesSignals"), "Arn"] },
    BatchSize: 10,
    MaximumBatchingWindowInSeconds: Match.absent(),
    FunctionResponseTypes: ["ReportBatchItemFailures"],
  });
  hubTemplate.hasResourceProperties("AWS::SQS::Queue", {
    QueueName: "rekey-signals",
    VisibilityTimeout: 130,
    RedrivePolicy: {
      maxReceiveCount: 20,
      deadLetterTargetArn: { "Fn::GetAtt": [Match.stringLikeRegexp("QueuesRejected"), "Arn"] },
    },
  });
});

test("seal is woken by new events, and by nothing that sealing itself writes", () => {
  hubTemplate.hasResourceProperties("AWS::Lambda::EventSourceMapping", {
    StartingPosition: "LATEST",
    FilterCriteria: {
      Filters: [
        { Pattern: JSON.stringify({ eventName: ["INSERT"], dynamodb: { Keys: { SK: { S: [{ prefix: "E#" }] } } } }) },
      ],
    },
  });
});

test("every source of the catalog has its rule, its delivery retried for a day and then kept", () => {
  const all = ruled({ secretReads: false });
  spokeTemplate.resourceCountIs("AWS::Events::Rule", all.length);
  for (const { name, pattern } of all) {
    spokeTemplate.hasResourceProperties("AWS::Events::Rule", {
      Name: `rekey-signal-${name}`,
      EventPattern: { source: [...pattern.source], "detail-type": [...pattern["detail-type"]] },
      Targets: [
        Match.objectLike({
          RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
          DeadLetterConfig: Match.anyValue(),
        }),
      ],
    });
  }
});

test("readings of secrets have a rule where they are wanted, in the state that brings calls which only read", () => {
  spokeTemplate.resourcePropertiesCountIs("AWS::Events::Rule", { Name: "rekey-signal-cloudtrail-secrets" }, 0);
  const [spoke] = rekey({ ...singleAccount, secretReads: true }).spokes;
  if (!spoke) throw new Error("a config without spokes is its own");
  Template.fromStack(spoke).hasResourceProperties("AWS::Events::Rule", {
    Name: "rekey-signal-cloudtrail-secrets",
    State: "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
  });
});

test("consumers are refreshed where the config lets them be, by a function that may touch those and no others", () => {
  const { hub: own } = rekey({ ...singleAccount, consumers: { ecs: ["prod/*"], lambda: ["reports"] } });
  const template = Template.fromStack(own);
  template.hasResourceProperties("AWS::Events::Rule", {
    Name: "rekey-refresh-on-rotated",
    EventPattern: { source: ["rekey"], "detail-type": ["Rekey Credential Rotated"] },
  });
  const told = JSON.stringify(template.toJSON());
  expect(told).toMatch(/ecs:eu-central-1:111111111111:service\/prod\/\*/);
  expect(told).toMatch(/function:reports"/);
  const refresher = statements(own).filter(({ holder }) => /refresh/i.test(holder));
  expect(refresher.flatMap(({ actions }) => actions)).toContain("ecs:UpdateService");
  expect(refresher.flatMap(({ actions }) => actions)).not.toContain("eks:DescribeCluster");
  expect(JSON.stringify(hubTemplate.toJSON())).not.toContain("rekey-refresh");
});

test("detectors that are named are asked each hour, with no more rights than reading what they found", () => {
  const [spoke] = rekey({ ...singleAccount, reconcile: ["guardduty", "cloudtrail"] }).spokes;
  if (!spoke) throw new Error("a config without spokes is its own");
  const template = Template.fromStack(spoke);
  template.hasResourceProperties("AWS::Events::Rule", {
    Name: "rekey-reconcile-hourly",
    ScheduleExpression: "rate(1 hour)",
  });
  template.hasResourceProperties("AWS::Lambda::Function", {
    FunctionName: "rekey-reconcile",
    Environment: { Variables: Match.objectLike({ REKEY_RECONCILE: "guardduty cloudtrail" }) },
  });
  const told = JSON.stringify(template.toJSON());
  expect(told).toContain("guardduty:ListFindings");
  expect(told).not.toContain("macie2:");
});

test("whom Rekey may deny is who the config names, and nobody without it", () => {
  const { hub, spokes } = rekey({ ...manyAccounts, quarantine: { roles: ["app-*"], users: ["ci"] } });
  const granted = spokes.flatMap((stack) => statements(stack)).filter(({ holder }) => /quarantine/i.test(holder));
  const iam = granted.filter(({ effect, actions }) => effect === "Allow" && actions.some((a) => a.startsWith("iam:")));
  const resources = new Set(iam.flatMap((statement) => statement.resources.map((arn) => arn.replace(/::\d+:/, "::"))));
  expect([...resources].map((arn) => arn.split(":").at(-1)).sort()).toEqual(["role/app-*", "user/ci"]);
  expect([...new Set(iam.flatMap(({ actions }) => actions))].sort()).toEqual([
    "iam:DeleteRolePolicy",
    "iam:DeleteUserPolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:GetUser",
    "iam:GetUserPolicy",
    "iam:ListRolePolicies",
    "iam:ListUserPolicies",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SimulatePrincipalPolicy",
  ]);
  const own = granted.filter(({ effect }) => effect === "Deny");
  expect(own.map(({ actions, resources: on }) => [actions, on.map((arn) => arn.split(":").at(-1))])).toContainEqual([
    ["iam:*"],
    ["role/rekey-*"],
  ]);
  const invokes = (stack: typeof hub) =>
    statements(stack).some(({ resources: all }) => all.some((arn) => /rekey-quarantine/.test(arn)));
  expect(invokes(hub)).toBe(true);
  expect(invokes(rekey(manyAccounts).hub)).toBe(false);
  expect(() => rekey({ ...manyAccounts, quarantine: { roles: ["*"] } })).toThrow(/quarantine/);
});

test("alarms are single metrics over nothing", () => {
  const alarms = [hub, ...spokes].flatMap((stack) => resources(stack, "AWS::CloudWatch::Alarm"));
  const told = alarms.map(([, { Properties: p = {} }]) => [p["AlarmName"], p["Threshold"], "Metrics" in p]);
  const lost = ruled({ secretReads: false }).map(({ name }) => `lost-${name}-not-empty`);
  const names = [
    "rejected-not-empty",
    "spool-not-empty",
    "respond-fails",
    "seal-fails",
    "discover-fails",
    "clock-fails",
    "project-fails",
    "watch-fails",
    "ledger-gaps",
    "ledger-stale",
    "ledger-tampered",
    "ledger-unfinished",
    "rotations-overdue",
    "versions-undead",
    ...lost,
    "rotate-default-fails",
  ];
  expect(told.sort()).toEqual(names.map((name) => [`rekey-${name}`, 0, false]).sort());
});

test("another account's signals cross under its own role, and its functions answer the hub's roles only", () => {
  const [, other] = rekey(manyAccounts).spokes;
  const template = Template.fromStack(other ?? hub);
  template.hasResourceProperties("AWS::Events::Rule", {
    Name: "rekey-signal-guardduty",
    Targets: [
      Match.objectLike({
        Arn: Match.anyValue(),
        RoleArn: { "Fn::GetAtt": [Match.stringLikeRegexp("Forward"), "Arn"] },
      }),
    ],
  });
  const permissions = Object.values(template.findResources("AWS::Lambda::Permission")).map(({ Properties: p }) =>
    JSON.stringify(p.Principal),
  );
  expect(permissions.filter((principal) => principal.includes(`::${HUB.account}:role/rekey-respond`))).toHaveLength(2);
  expect(permissions.filter((principal) => principal.includes("secretsmanager"))).toHaveLength(2);
});

test("the clock ticks each minute, once, and a clock that does not tell is an alarm", () => {
  hubTemplate.hasResourceProperties("AWS::Scheduler::Schedule", {
    ScheduleExpression: "rate(1 minute)",
    FlexibleTimeWindow: { Mode: "OFF" },
    Target: { RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 } },
  });
  hubTemplate.hasResourceProperties("AWS::CloudWatch::Alarm", {
    AlarmName: "rekey-rotations-overdue",
    Namespace: "Rekey",
    MetricName: "OverdueRotations",
    Dimensions: [{ Name: "service", Value: "rekey" }],
    TreatMissingData: "breaching",
  });
});

test("freezes reach the clock as instants in UTC", () => {
  const freezes = [{ from: "2026-12-20T18:00:00+01:00", to: "2027-01-04", reason: "holidays" }];
  const { hub: frozen } = rekey({ ...singleAccount, freezes });
  Template.fromStack(frozen).hasResourceProperties("AWS::Lambda::Function", {
    FunctionName: "rekey-clock",
    Environment: {
      Variables: {
        REKEY_FREEZES: JSON.stringify([
          { from: "2026-12-20T17:00:00.000Z", to: "2027-01-04T00:00:00.000Z", reason: "holidays" },
        ]),
      },
    },
  });
});

test("a network that lists kinds gets the grants of those and no others", () => {
  const text = (config: object) =>
    rekey(config)
      .spokes.flatMap(statements)
      .filter(({ holder }) => /Rotate/.test(holder))
      .flatMap(({ actions }) => actions);
  const network = { name: "default" };
  expect(text({ ...singleAccount, networks: [network] })).toContain("iam:CreateAccessKey");
  const own = text({ ...singleAccount, networks: [{ ...network, kinds: ["postgres"] }] });
  expect(own).toContain("secretsmanager:PutSecretValue");
  // Of Rekey's own: the denial of its roles, and what authenticates what it records.
  const ours = ["iam:*", "kms:GenerateMac"];
  expect(own.filter((a) => /^(iam|cognito|kms|sts|bedrock):/.test(a) && !ours.includes(a))).toEqual([]);
});

test("an archive that may not be deleted, unless a config says so in words", () => {
  hubTemplate.hasResourceProperties("AWS::S3::Bucket", {
    BucketName: `rekey-archive-${HUB.account}-${HUB.region}`,
    ObjectLockEnabled: true,
    ObjectLockConfiguration: Match.absent(),
  });
  const trial = Template.fromStack(
    rekey({ ...singleAccount, removal: "destroy", archive: { retentionDays: 1, lock: false } }).hub,
  );
  trial.hasResourceProperties("AWS::S3::Bucket", {
    BucketName: `rekey-archive-${HUB.account}-${HUB.region}`,
    ObjectLockEnabled: false,
  });
  trial.hasResource("AWS::DynamoDB::Table", {
    DeletionPolicy: "Delete",
    Properties: { DeletionProtectionEnabled: false },
  });
  trial.hasResourceProperties("AWS::Lambda::Function", {
    FunctionName: "rekey-seal",
    Environment: { Variables: { REKEY_RETENTION_DAYS: "0" } },
  });
});

test("a grant with a placeholder that nothing fills is refused", () => {
  const setting = { partition: "aws", account: "1", region: "r", prefix: "p", network: "n" };
  const grant = { actions: ["a:B"], resources: ["arn:${partition}:a:${region}:${account}:${who}"] };
  expect(() => filled(grant, setting)).toThrow(/has the placeholder .*who/);
});
