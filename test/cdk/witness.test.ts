import { Validations } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { expect, test } from "vitest";
import { settle } from "../../cdk/config.ts";
import { WitnessStack } from "../../cdk/witness-stack.ts";
import { newApp, rekey, resources, singleAccount, statements } from "./support.ts";

const vkey = "rekey.111111111111.eu-central-1/ledger+2ed890e8+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const witnesses = [{ url: "https://witness.example/rekey", vkey: "witness.example/w1+0a0b0c0d+BAAA" }];
const env = { account: "333333333333", region: "eu-west-1" };

const witness = () => {
  const app = newApp();
  const config = settle({}, "test");
  return { app, stack: new WitnessStack(app, "rekey-witness", { config, name: "w.example", logs: [vkey], env }) };
};

test("a witness may note what it has seen and sign, and nothing else; its table and key outlive the stack", () => {
  const { stack } = witness();
  const allowed = statements(stack)
    .filter(
      ({ effect, principal, actions }) => effect === "Allow" && principal === "" && !/^logs/.test(actions[0] ?? ""),
    )
    .flatMap(({ actions }) => actions);
  expect(allowed.sort()).toEqual(["dynamodb:GetItem", "dynamodb:PutItem", "kms:GetPublicKey", "kms:Sign"]);
  const template = Template.fromStack(stack);
  template.hasResource("AWS::DynamoDB::Table", {
    DeletionPolicy: "Retain",
    Properties: { DeletionProtectionEnabled: true },
  });
  template.hasResource("AWS::KMS::Key", { DeletionPolicy: "Retain" });
  template.hasResourceProperties("AWS::Lambda::Function", {
    Environment: { Variables: Match.objectLike({ REKEY_WITNESS_NAME: "w.example", REKEY_WITNESS_LOGS: vkey }) },
  });
  expect(resources(stack, "AWS::ApiGatewayV2::Route").map(([, { Properties: p }]) => p?.["RouteKey"])).toEqual([
    "POST /add-checkpoint",
  ]);
});

test("a hub with witnesses asks them, keeps what they sign in one object for each year, and rings where they do not or found two histories", () => {
  const { hub } = rekey({ ...singleAccount, witnesses });
  const watch = statements(hub).filter(({ holder, effect }) => /Watch/.test(holder) && effect === "Allow");
  const puts = watch.filter(({ actions }) => actions.includes("s3:PutObject")).flatMap((one) => one.resources);
  expect(puts.map((path) => /rekey-work-[^/]*\/(.*)/.exec(path)?.[1])).toEqual(["cosigned", "shard/*/cosigned"]);
  const alarms = resources(hub, "AWS::CloudWatch::Alarm").map(([, { Properties: p }]) => p?.["AlarmName"]);
  expect(alarms).toEqual(expect.arrayContaining(["rekey-ledger-uncosigned", "rekey-ledger-forked"]));
  const held = statements(hub).filter(({ holder, effect, condition }) => {
    return /WorkPolicy/.test(holder) && effect === "Deny" && /^ArnEquals.*rekey-watch/.test(condition);
  });
  expect(held).toHaveLength(1);
  expect(() => settle({ witnesses: [{ url: "https://w.example/", vkey: "x" }] }, "f")).toThrow(/witnesses/);
});

test("AWS Solutions checks find nothing in a witness that is not acknowledged", () => {
  const { app } = witness();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
});
