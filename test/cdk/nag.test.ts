import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { expect, test } from "vitest";
import { acceptNoRedrive } from "../../cdk/acknowledged.ts";
import { queue } from "../../cdk/constructs/queues.ts";
import { notifiers } from "../../lib/catalog/notifiers.ts";
import { manyAccounts, type newApp, rekey, singleAccount } from "./support.ts";

const check = (app: ReturnType<typeof newApp>) => Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const vpc = {
  vpcId: "vpc-0a1b2c3d",
  availabilityZones: ["eu-central-1a"],
  subnetIds: ["subnet-0a1b2c3d"],
  securityGroupIds: ["sg-0a1b2c3d"],
};

const TRANSMIT = {
  issuer: "https://rekey.example.com/hub",
  jwks: "rekey-jwks-hub/.well-known/jwks.json",
  receivers: [
    { name: "idp", url: "https://idp.example.com/events", audience: "https://idp.example.com", authorization: "t" },
  ],
};

const POLICY_ARN = "arn:aws:organizations::999999999999:policy/o-a1b2c3d4e5/service_control_policy/p-12345678";

test.each([
  ["one account", singleAccount],
  ["an account that the CLI names", {}],
  ["many accounts", manyAccounts],
  ["the archive as tables of Athena, compacted each day", { ...singleAccount, analytics: true }],
  ["the API", { ...singleAccount, api: { roles: { reader: { arns: ["*"] }, operator: { arns: ["*"] } } } }],
  ["drills", { ...singleAccount, drill: { everyHours: 24 } }],
  ["people and lists that are told", { ...manyAccounts, notify: notifiers.map(({ example }) => example) }],
  ["receivers of CAEP's events", { ...manyAccounts, transmit: TRANSMIT }],
  ["functions and tasks that may be isolated", { ...manyAccounts, isolate: { lambda: ["reports-*"], ecs: ["prod"] } }],
  ["people who approve", { ...manyAccounts, approvals: { approvers: ["*"] } }],
  ["principals that may be denied", { ...manyAccounts, quarantine: { roles: ["app-*"], users: ["ci-*"] } }],
  [
    "an organisation's policy that may be edited",
    { ...manyAccounts, quarantine: { roles: ["app-*"], organization: { policyArn: POLICY_ARN } } },
  ],
  [
    "a network in a VPC, an archive without lock",
    { networks: [{ name: "inside", vpc }], archive: { retentionDays: 1, lock: false } },
  ],
])(
  "AWS Solutions checks find nothing that is not acknowledged: %s",
  (_, config) => {
    const { app } = rekey(config);
    check(app);
    expect(() => app.synth()).not.toThrow();
  },
  60_000,
);

test("an acknowledged finding is acknowledged there only", () => {
  const { app, hub } = rekey(singleAccount);
  check(app);
  acceptNoRedrive(queue(hub, "Fine", {}), "for this test");
  queue(hub, "Forgotten", {});
  expect(() => app.synth()).toThrow();
  const report = readFileSync(join(app.outdir, "validation-report.json"), "utf8");
  expect(report).toContain("rekey-hub/Forgotten/Resource");
  expect(report).not.toContain("rekey-hub/Fine/Resource");
}, 60_000);
