import { Validations } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks } from "cdk-nag";
import { expect, test } from "vitest";
import { type Config, settle } from "../../cdk/config.ts";
import { HUB, rekey, resources, singleAccount, statements } from "./support.ts";

const ARN = `arn:aws:secretsmanager:${HUB.region}:${HUB.account}:secret:channels/idp-AbCdEf`;
const channels = [
  { name: "github", account: HUB.account, secret: "channels/github", auth: "github" },
  { name: "falco", account: HUB.account, cluster: "prod", secret: "channels/falco", auth: "token" },
  {
    name: "idp",
    account: HUB.account,
    secret: ARN,
    auth: "ssf",
    issuer: "https://idp.example",
    audience: "rekey",
    jwks: "https://idp.example/jwks",
  },
] satisfies Config["channels"];
const { app, hub } = rekey({ ...singleAccount, channels });
const template = Template.fromStack(hub);

test("one route, and nothing of it without channels", () => {
  const routes = resources(hub, "AWS::ApiGatewayV2::Route");
  expect(routes.map(([, { Properties = {} }]) => Properties["RouteKey"])).toEqual(["POST /channels/{name}"]);
  template.hasResourceProperties("AWS::ApiGatewayV2::Integration", { PayloadFormatVersion: "2.0" });
  const without = rekey(singleAccount).hub;
  expect(resources(without).filter(([, { Type }]) => Type.startsWith("AWS::ApiGatewayV2"))).toEqual([]);
  expect(statements(without).filter(({ holder }) => holder.includes("ingest"))).toEqual([]);
  expect(Object.values(template.findOutputs("ChannelsUrl"))).toHaveLength(1);
});

test("it is throttled, and its log tells neither bodies nor headers nor queries", () => {
  template.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
    StageName: "$default",
    AutoDeploy: true,
    DefaultRouteSettings: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200 },
    AccessLogSettings: { DestinationArn: Match.anyValue(), Format: Match.anyValue() },
  });
  const [stage] = resources(hub, "AWS::ApiGatewayV2::Stage");
  const { Format = "" } = (stage?.[1].Properties?.["AccessLogSettings"] ?? {}) as { readonly Format?: string };
  expect([...Format.matchAll(/\$context\.([\w.]+)/g)].map(([, name]) => name).sort()).toEqual([
    "identity.sourceIp",
    "integrationErrorMessage",
    "path",
    "requestId",
    "requestTime",
    "responseLatency",
    "status",
  ]);
});

test("the function may send signals, remember deliveries and read the channels' keys: nothing else", () => {
  const allowed = statements(hub)
    .filter(({ holder, effect }) => holder.includes("Ingest") && !holder.includes("trusts") && effect === "Allow")
    .concat(statements(hub).filter(({ holder, effect }) => holder.startsWith("rekey-ingest") && effect === "Allow"))
    .filter(({ principal }) => principal === "");
  const told = allowed.flatMap(({ actions, resources: on, condition }) =>
    actions.map((action) => `${action} ${on.join(" ")}${condition ? ` if ${condition}` : ""}`),
  );
  expect([...new Set(told)].filter((line) => !line.startsWith("logs:")).sort()).toEqual([
    "dynamodb:GetItem <State.Arn> if ForAllValues:StringLike: dynamodb:LeadingKeys: DELIVERY#*",
    "dynamodb:PutItem <State.Arn> if ForAllValues:StringLike: dynamodb:LeadingKeys: DELIVERY#*",
    `secretsmanager:GetSecretValue arn:<AWS::Partition>:secretsmanager:${HUB.region}:${HUB.account}:secret:channels/github-?????? arn:<AWS::Partition>:secretsmanager:${HUB.region}:${HUB.account}:secret:channels/falco-?????? ${ARN}`,
    "sqs:SendMessage <QueuesSignals.Arn>",
  ]);
});

test("no key is in the template: only where it is kept", () => {
  const [ingest] = resources(hub, "AWS::Lambda::Function").filter(
    ([, { Properties = {} }]) => Properties["FunctionName"] === "rekey-ingest",
  );
  const { Variables = {} } = (ingest?.[1].Properties?.["Environment"] ?? {}) as { Variables?: Record<string, string> };
  expect(JSON.parse(Variables["REKEY_CHANNELS"] ?? "")).toMatchObject(channels);
});

test("AWS Solutions checks find nothing that is not acknowledged", () => {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
}, 60_000);

const [github, , idp] = channels;
const many = (count: number) => Array.from({ length: count }, (_, n) => ({ ...github, name: `c${n}` }));
test.each<[string, object, string]>([
  ["a channel twice", { channels: [github, github] }, "channels: github is named twice"],
  ["an account that is no spoke", { env: HUB, channels: [{ ...github, account: "222222222222" }] }, "is no spoke"],
  ["no account", { channels: [{ ...github, account: undefined }] }, "channels.0.account"],
  ["an auth that nobody has", { channels: [{ ...github, auth: "none" }] }, "channels.0.auth"],
  ["no auth", { channels: [{ ...github, auth: undefined }] }, "channels.0.auth"],
  ["a field of another auth", { channels: [{ ...github, issuer: "x" }] }, "channels.0: unknown issuer"],
  ["a key instead of its name", { channels: [{ ...github, secret: "s3cr3t key!" }] }, "not its value"],
  ["a name that no URL has", { channels: [{ ...github, name: "Git/Hub" }] }, "channels.0.name"],
  ["keys over plain HTTP", { channels: [{ ...idp, jwks: "http://idp.example" }] }, "must be the https URL"],
  [
    "a timestamp that may be a day old",
    { channels: [{ ...github, auth: "gitguardian", maxAgeSeconds: 86_400 }] },
    "at most 3600",
  ],
  ["more than an environment holds", { channels: many(30) }, "a function's environment is small"],
])("refuses %s and says where", (_, config, message) => {
  expect(() => settle(config, "my.config.ts")).toThrow(message);
});

test("a channel may speak for any spoke, and for any account where none is known", () => {
  const spokes = [{ ...HUB, account: "222222222222" }];
  expect(settle({ env: HUB, spokes, channels: [{ ...github, account: "222222222222" }] }, "f").channels).toHaveLength(
    1,
  );
  expect(settle({ channels: [github] }, "f").channels).toEqual([{ ...github, maxAgeSeconds: 604_800 }]);
  expect(settle({}, "f").channels).toEqual([]);
});
