import { Template } from "aws-cdk-lib/assertions";
import { expect, test } from "vitest";
import { type Config, settle } from "../../cdk/config.ts";
import { rekey, resources, singleAccount, statements } from "./support.ts";

const jwt = { issuer: "https://idp.example.com", audience: ["rekey"] };
const reader = { arns: ["arn:aws:sts::111111111111:assumed-role/Dash/*"] };
const hubOf = (api: NonNullable<Config["api"]>) => rekey({ ...singleAccount, api }).hub;
const routesOf = (api: NonNullable<Config["api"]>) =>
  resources(hubOf(api), "AWS::ApiGatewayV2::Route")
    .map(([, { Properties = {} }]) => `${Properties["RouteKey"]} ${Properties["AuthorizationType"]}`)
    .sort();

test("no API without one in the config", () => {
  expect(resources(rekey(singleAccount).hub).filter(([, { Type }]) => Type.startsWith("AWS::ApiGatewayV2"))).toEqual(
    [],
  );
});

test("every route has an authorizer, and tokens are a way in only where their issuer is named", () => {
  const iam = ["GET /iam/{proxy+} AWS_IAM", "POST /iam/{proxy+} AWS_IAM"];
  expect(routesOf({ roles: { reader } })).toEqual(iam);
  expect(routesOf({ jwt, roles: { reader } })).toEqual(
    [...iam, "GET /jwt/{proxy+} JWT", "POST /jwt/{proxy+} JWT"].sort(),
  );
  const template = Template.fromStack(hubOf({ jwt, roles: { reader } }));
  template.hasResourceProperties("AWS::ApiGatewayV2::Authorizer", {
    JwtConfiguration: { Audience: ["rekey"], Issuer: "https://idp.example.com" },
    IdentitySource: ["$request.header.Authorization"],
  });
  template.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
    DefaultRouteSettings: { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40 },
  });
});

const allowed = (api: NonNullable<Config["api"]>) =>
  statements(hubOf(api))
    .filter(({ holder, effect, principal }) => /Api/.test(holder) && effect === "Allow" && principal === "")
    .flatMap(({ actions, resources: on }) => actions.map((action) => `${action} ${on.join(" ")}`));

test("it reads, and reaches what acts only where somebody may act", () => {
  const reading = allowed({ roles: { reader } });
  expect(reading.filter((line) => /Put|Update|Delete|Scan|Write|secretsmanager|kms:Sign/.test(line))).toEqual([]);
  expect(reading.filter((line) => line.includes("lambda:"))).toEqual([
    expect.stringMatching(/function:rekey-project$/),
  ]);
  for (const role of ["operator", "approver"] as const)
    expect(allowed({ roles: { [role]: reader } }).filter((line) => line.includes("lambda:"))).toEqual([
      expect.stringMatching(/function:rekey-project .*function:rekey-respond$/),
    ]);
});

test("packs are made where somebody may take one: the API orders them and reads them, and writes nothing else", () => {
  const bucketsOf = (role: "reader" | "reviewer") =>
    resources(hubOf({ roles: { [role]: reader } }), "AWS::S3::Bucket").filter(([, { Properties = {} }]) =>
      JSON.stringify(Properties["BucketName"]).includes("rekey-packs"),
    );
  expect(bucketsOf("reader")).toEqual([]);
  expect(bucketsOf("reviewer")).toMatchObject([
    [
      expect.anything(),
      { Properties: { LifecycleConfiguration: { Rules: [{ ExpirationInDays: 1, Status: "Enabled" }] } } },
    ],
  ]);
  const reviewing = allowed({ roles: { reviewer: reader } });
  expect(reviewing.filter((line) => /Put|Update|Delete/.test(line))).toEqual([
    expect.stringMatching(/^s3:PutObject .*rekey-packs-.*\/pack-\*\/order\.json$/),
  ]);
  expect(reviewing.filter((line) => line.includes("lambda:")).join()).toMatch(/rekey-project.*rekey-evidence/);
  const refused = statements(hubOf({ roles: { reviewer: reader } })).filter(
    ({ holder, effect, actions }) => /Packs/.test(holder) && effect === "Deny" && actions.includes("s3:GetObject"),
  );
  expect(refused).toMatchObject([
    {
      actions: ["s3:GetObject", "s3:PutObject"],
      condition: expect.stringMatching(/^ArnNotEquals: .*role\/rekey-api-\S+ \| \S+role\/rekey-evidence-\S+$/),
    },
  ]);
});

test.each<[string, object, string]>([
  ["no role at all", { roles: {} }, "api: needs a role"],
  ["a role that nobody has heard of", { roles: { admin: reader } }, "api.roles: unknown admin"],
  ["groups without an issuer", { roles: { reader: { groups: ["x"] } } }, "no jwt says whose"],
  ["an issuer in clear text", { jwt: { ...jwt, issuer: "http://idp" }, roles: { reader } }, "api.jwt.issuer"],
  ["tokens for anybody", { jwt: { ...jwt, audience: [] }, roles: { reader } }, "needs an audience"],
  ["what is no ARN", { roles: { reader: { arns: ["Dash"] } } }, "api.roles.reader.arns.0"],
])("refuses %s", (_, api, message) => {
  expect(() => settle({ api }, "my.config.ts")).toThrow(message);
});
