import { App, CfnParameter, Duration, Stack } from "aws-cdk-lib";
import { Annotations, Match, Template } from "aws-cdk-lib/assertions";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { describe, expect, test } from "vitest";
import { AdminSecret } from "../../cdk/constructs/admin-secret.ts";
import { RotatedSecret, type RotatedSecretProps } from "../../cdk/constructs/rotated-secret.ts";

const newStack = () => new Stack(new App(), "Mine", { env: { account: "111111111111", region: "eu-central-1" } });
const database = { host: "db.example.com", port: 5432, dbname: "app", username: "orders_a" };
const target = {
  admin: "demo/admin",
  strategy: "alternating",
  logins: ["orders_a", "orders_b"],
  owner: "orders_owner",
} as const;
const orders = {
  kind: "postgres",
  workload: "orders",
  schedule: "rate(7 days)",
  secretName: "demo/orders",
  target,
  material: database,
} satisfies RotatedSecretProps<"postgres">;

const made = (change: Partial<RotatedSecretProps<"postgres">> = {}) => {
  const stack = newStack();
  new RotatedSecret(stack, "Orders", { ...orders, ...change });
  return Template.fromStack(stack);
};
const tagsOf = (template: Template): Readonly<Record<string, string>> => {
  const [secret] = Object.values(template.findResources("AWS::SecretsManager::Secret"));
  const tags = secret?.["Properties"]["Tags"] as readonly { readonly Key: string; readonly Value: string }[];
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
};

describe("who follows it", () => {
  test("is told in tags, wave after wave, over as many tags as it needs", () => {
    expect(tagsOf(made({ consumers: [["ecs:prod/canary"], ["ecs:prod/orders", "lambda:reports"]] }))).toMatchObject({
      "rekey:consumers": "ecs:prod/canary 2=ecs:prod/orders 2=lambda:reports",
    });
    const many = Array.from({ length: 20 }, (_, n) => `ecs:production/orders-service-number-${n}`);
    const tags = tagsOf(made({ consumers: [many], tolerateFailed: 10 }));
    const told = ["consumers", "consumers2", "consumers3", "consumers4"].map((name) => tags[`rekey:${name}`] ?? "");
    expect(told.join(" ").split(" ").filter(Boolean)).toEqual(many);
    for (const value of told) expect(value.length).toBeLessThanOrEqual(256);
    expect(tags["rekey:consumers-tolerate"]).toBe("10");
  });
  test("is refused where it could not be refreshed, or has no room", () => {
    expect(() => made({ consumers: [["ecs:orders"]] })).toThrow(/ecs:orders.*ecs:prod\/orders/);
    expect(() =>
      made({ consumers: [Array.from({ length: 60 }, (_, n) => `ecs:production/orders-service-${n}`)] }),
    ).toThrow(/longer than/);
    expect(() => made({ consumers: [["lambda:a"]], tolerateFailed: 100 })).toThrow(/percent/);
  });
});

describe("what it makes", () => {
  test("a secret whose tags say what it is, with a generated password in the template", () => {
    const template = made();
    expect(tagsOf(template)).toEqual({
      "rekey:kind": "postgres",
      "rekey:workload": "orders",
      "rekey:network": "default",
      "rekey:protected": "false",
      "rekey:admin": "demo/admin",
      "rekey:strategy": "alternating",
      "rekey:logins": "orders_a orders_b",
      "rekey:owner": "orders_owner",
    });
    template.hasResourceProperties("AWS::SecretsManager::Secret", {
      GenerateSecretString: {
        SecretStringTemplate: JSON.stringify(database),
        GenerateStringKey: "password",
        PasswordLength: 32,
      },
    });
  });

  test("a schedule on the network's rotate function, found by name", () => {
    made({ network: "vpn", prefix: "own", rotateImmediately: false }).hasResourceProperties(
      "AWS::SecretsManager::RotationSchedule",
      {
        RotationRules: { ScheduleExpression: "rate(7 days)" },
        RotateImmediatelyOnUpdate: false,
        RotationLambdaARN: {
          "Fn::Join": [
            "",
            ["arn:", { Ref: "AWS::Partition" }, ":lambda:eu-central-1:111111111111:function:own-rotate-vpn"],
          ],
        },
      },
    );
  });

  test("a faster schedule is in tags for the clock, without rotation rules, and with a warning below 16 minutes", () => {
    const stack = newStack();
    new RotatedSecret(stack, "Orders", { ...orders, schedule: Duration.minutes(5), window: Duration.minutes(2) });
    const template = Template.fromStack(stack);
    expect(tagsOf(template)).toMatchObject({
      "rekey:schedule": "rate 5 minutes",
      "rekey:window": "2m",
      "rekey:start": "now",
    });
    template.resourceCountIs("AWS::SecretsManager::RotationSchedule", 0);
    Annotations.fromStack(stack).hasWarning("/Mine/Orders", Match.stringLikeRegexp("about every 16 minutes"));
  });

  test("an access key starts as never issued", () => {
    const stack = newStack();
    new RotatedSecret(stack, "Ci", {
      kind: "iam-access-key",
      workload: "ci",
      schedule: Duration.days(1),
      target: { user: "ci" },
    });
    Template.fromStack(stack).hasResourceProperties("AWS::SecretsManager::Secret", { SecretString: "{}" });
  });

  test("the workload's role may read that one secret and nothing else", () => {
    const stack = newStack();
    const role = new Role(stack, "Role", { assumedBy: new ServicePrincipal("ecs-tasks.amazonaws.com") });
    new RotatedSecret(stack, "Orders", { ...orders, workload: role }).grantRead(role);
    Template.fromStack(stack).hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: [
          {
            Action: ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            Resource: { Ref: Match.stringLikeRegexp("^OrdersSecret") },
          },
        ],
      },
    });
  });

  test("the admin's secret is tagged with its network, has no kind and holds nothing", () => {
    const stack = newStack();
    new AdminSecret(stack, "Admin", { secretName: "demo/admin", network: "vpn" });
    const template = Template.fromStack(stack);
    expect(tagsOf(template)).toEqual({ "rekey:network": "vpn" });
    template.hasResourceProperties("AWS::SecretsManager::Secret", { SecretString: "{}" });
    template.resourceCountIs("AWS::SecretsManager::RotationSchedule", 0);
  });

  test("what is not known before deploy is left to the function's own check", () => {
    const stack = newStack();
    const host = new CfnParameter(stack, "Host").valueAsString;
    expect(() => new RotatedSecret(stack, "Orders", { ...orders, material: { ...database, host } })).not.toThrow();
  });
});

const wrong =
  (change: object): (() => unknown) =>
  () =>
    made(change as Partial<RotatedSecretProps<"postgres">>);

test.each([
  ["a kind without rotator", { kind: "oracle" }, "kind oracle has no rotator. Give one of: postgres,"],
  [
    "a target that lacks a field",
    { target: { logins: ["a", "b"] } },
    "target.admin is missing or wrong for kind postgres",
  ],
  ["alternating with one login", { target: { ...target, logins: ["a"] } }, "target.logins is missing or wrong"],
  [
    "a target field that the construct sets",
    { target: { ...target, network: "x" } },
    "target.network is set by the construct",
  ],
  [
    "a tag value that AWS refuses",
    { target: { ...target, owner: "a,b" } },
    "target.owner is kept in a tag, which takes at most 256",
  ],
  ["a tag value that is too long", { workload: "w".repeat(257) }, "workload is kept in a tag"],
  ["a template that lacks a field", { material: { dbname: "app" } }, "material.host is missing or wrong"],
  [
    "a password in the template",
    { material: { ...database, password: "s3cret" } },
    "material.password must not be written",
  ],
  [
    "a gap for a critical credential",
    { critical: true, target: { ...target, strategy: "single" } },
    "it is critical, and a rotation of kind postgres with this target refuses its workload",
  ],
  [
    "a schedule that Secrets Manager shall keep and cannot",
    { schedule: Duration.minutes(5), keeper: "secrets-manager" },
    "cannot be kept by Secrets Manager: it rotates at most every 4 hours",
  ],
])("refuses %s: which construct, what, what to do", (_, change, message) => {
  expect(wrong(change)).toThrow(message);
  expect(wrong(change)).toThrow(/^RotatedSecret Mine\/Orders: /);
  expect(wrong(change)).not.toThrow("s3cret");
});

test("says in tags what must not happen to it and when its old versions die", () => {
  const single = { admin: "demo/admin", strategy: "single" } as const;
  const gap = made({ critical: true, acceptGap: true, target: single, retire: Duration.hours(36) });
  expect(tagsOf(gap)).toMatchObject({
    "rekey:critical": "true",
    "rekey:single": "accepted",
    "rekey:retire": "36 hours",
  });
  expect(tagsOf(made({ critical: true, retire: Duration.days(2) }))).toMatchObject({ "rekey:retire": "2 days" });
  expect(tagsOf(made({ retire: "next" }))).toMatchObject({ "rekey:retire": "next" });
});

test("refuses material for a kind that issues all of it", () => {
  const props = {
    kind: "iam-access-key",
    workload: "ci",
    schedule: "rate(1 day)",
    target: { user: "ci" },
    material: { accessKeyId: "A" },
  } as const;
  expect(() => new RotatedSecret(newStack(), "Ci", props)).toThrow("material.accessKeyId cannot be given");
});

test("types follow the kind", () => {
  // @ts-expect-error: a strategy that the rotator does not know
  const strategy: RotatedSecretProps<"postgres">["target"] = { strategy: "triple" };
  // @ts-expect-error: a field of another kind
  const field: RotatedSecretProps<"postgres">["target"] = { user: "ci" };
  for (const target of [strategy, field]) expect(wrong({ target })).toThrow("missing or wrong for kind postgres");
});

describe("a kind that is contained and never rotated", () => {
  const iam = {
    kind: "rds-iam-login",
    workload: "orders",
    schedule: "never",
    target: { admin: "demo/admin", tlsCa: "/opt/rds-ca.pem" },
    material: { host: "db.example.com", username: "orders_iam", dbiResourceId: "db-ABC" },
  } as const satisfies RotatedSecretProps<"rds-iam-login">;
  const make = (change: Partial<RotatedSecretProps<"rds-iam-login">> = {}) => {
    const stack = newStack();
    new RotatedSecret(stack, "Iam", { ...iam, ...change });
    return Template.fromStack(stack);
  };
  test("is a secret whose value is whole from the start, with tags and without a schedule", () => {
    const template = make({ critical: true });
    template.hasResourceProperties("AWS::SecretsManager::Secret", {
      SecretString: JSON.stringify(iam.material),
      GenerateSecretString: Match.absent(),
    });
    template.resourceCountIs("AWS::SecretsManager::RotationSchedule", 0);
    expect(tagsOf(template)).toMatchObject({ "rekey:kind": "rds-iam-login", "rekey:critical": "true" });
    expect(tagsOf(template)).not.toHaveProperty("rekey:schedule");
  });
  test("takes no schedule and no half of an address; what is rotated takes no `never`", () => {
    expect(() => make({ schedule: "rate(7 days)" })).toThrow(/contained and never rotated.*schedule "never"/);
    expect(() => make({ material: { username: "orders_iam" } })).toThrow("material.host is missing");
    expect(() => make({ target: { admin: "demo/admin", tls: "disable" as never } })).toThrow(
      "target.tls is missing or wrong",
    );
    expect(wrong({ schedule: "never" })).toThrow("kind postgres is rotated: give it a schedule");
  });
});
