import { Template } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { notifiers } from "../../lib/catalog/notifiers.ts";
import { manyAccounts, rekey, statements } from "./support.ts";

const notify = notifiers.map(({ example }) => example);

test("the notifier may read what it tells, mark and record it, and do what its config names and no more", () => {
  const { hub } = rekey({ ...manyAccounts, notify });
  const granted = statements(hub).filter(({ holder, effect }) => /notify/i.test(holder) && effect === "Allow");
  const actions = granted.flatMap((one) => one.actions).filter((one) => !/^(logs|sqs|sts):/.test(one));
  expect([...new Set(actions)].sort()).toEqual([
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "guardduty:ArchiveFindings",
    "guardduty:UnarchiveFindings",
    "kms:GenerateMac",
    "secretsmanager:GetSecretValue",
    "securityhub:BatchUpdateFindings",
    "securityhub:GetFindings",
    "sns:Publish",
  ]);
  const named = granted.flatMap(({ resources }) => resources).filter((arn) => /:(secret|sns):/.test(arn));
  expect(named.map((arn) => arn.split(":").at(-1)).sort()).toEqual([
    "rekey/slack-webhook-??????",
    "rekey/soar-hmac-??????",
    "security",
  ]);
});

test("it is fed by the bus alone", () => {
  Template.fromStack(rekey({ ...manyAccounts, notify }).hub).hasResourceProperties("AWS::Events::Rule", {
    EventPattern: { source: ["rekey"], "detail-type": ["Rekey Notice"] },
  });
});

test("without anybody to tell there is none; a kind that there is not, a name twice and a moment that is none are refused", () => {
  expect(JSON.stringify(Template.fromStack(rekey(manyAccounts).hub).toJSON())).not.toMatch(/notify/i);
  const [sns] = notify;
  const bad = [
    [{ kind: "pigeon", name: "x" }],
    [sns, sns],
    [{ ...sns, moments: ["lunch"] }],
    [{ ...sns, chanel: "x" }],
  ];
  for (const one of bad) expect(() => rekey({ ...manyAccounts, notify: one as never })).toThrow(/notify/);
});
