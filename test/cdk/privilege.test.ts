import { describe, expect, test } from "vitest";
import { manyAccounts, rekey, type Statement, singleAccount, statements } from "./support.ts";

const vpc = {
  vpcId: "vpc-0a1b2c3d",
  availabilityZones: ["eu-central-1a"],
  subnetIds: ["subnet-0a1b2c3d"],
  securityGroupIds: ["sg-0a1b2c3d"],
};
const configs = {
  "one account": singleAccount,
  "an account that the CLI names": {},
  "many accounts": manyAccounts,
  "a network in a VPC": { ...singleAccount, networks: [{ name: "inside", vpc }] },
};

/** Resources of a policy on a resource are that resource: `*` says nothing there. */
const isIdentity = ({ principal }: Statement) => principal === "";
const allowed = (config: object): readonly Statement[] => {
  const { hub, spokes } = rekey(config);
  return [hub, ...spokes]
    .flatMap(statements)
    .filter(({ effect, principal }) => effect === "Allow" && isIdentity({ principal } as Statement));
};

/** AWS takes no narrower resource for these. */
const ON_ANYTHING = [
  "secretsmanager:ListSecrets",
  "kms:CreateKey",
  // They list an account, and the identity index is built of what they tell.
  "iam:GetAccountAuthorizationDetails",
  "lambda:ListFunctions",
  "ecs:ListTaskDefinitionFamilies",
  "ecs:DescribeTaskDefinition",
  "eks:ListClusters",
  "cloudtrail:LookupEvents",
  "ec2:AssignPrivateIpAddresses",
  "ec2:CreateNetworkInterface",
  "ec2:DeleteNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:UnassignPrivateIpAddresses",
];

describe.each(Object.entries(configs))("%s", (_, config) => {
  const all = allowed(config);
  const holders = (action: RegExp, on = /./) => [
    ...new Set(
      all
        .filter((s) => s.actions.some((a) => action.test(a)) && s.resources.some((r) => on.test(r)))
        .map(({ holder }) => holder),
    ),
  ];

  test("no role may do every action, or anything on every resource but the known", () => {
    expect(all.length).toBeGreaterThan(15);
    expect(all.flatMap(({ actions }) => actions).filter((action) => action.includes("*"))).toEqual([]);
    const wide = all.filter(({ resources }) => resources.includes("*")).flatMap(({ actions }) => actions);
    expect(wide.filter((action) => !ON_ANYTHING.includes(action))).toEqual([]);
  });

  test("only seal writes the archive, and nobody deletes there or in the ledger", () => {
    const puts = all.filter(({ actions }) => actions.some((action) => action.startsWith("s3:Put")));
    expect(puts.some(({ holder }) => /Seal/.test(holder))).toBe(true);
    // Rotators publish keys and lists of revoked ones, into buckets whose names say so and are not the archive's.
    const others = puts.filter(({ holder }) => !/Seal/.test(holder)).flatMap(({ resources }) => resources);
    expect(others.filter((resource) => !/:{3}\w+-(jwks|crl)-/.test(resource))).toEqual([]);
    expect(holders(/^s3:(Delete|Bypass)/)).toEqual([]);
    expect(holders(/^dynamodb:(Delete|BatchWrite)/, /ledger|Ledger/)).toEqual([]);
    const projecting = holders(/^dynamodb:(?!BatchGet|Get|Query|Describe)/, /review|Review/);
    expect(projecting.map((holder) => /Project/.test(holder))).toEqual([true]);
    expect(holders(/^kms:Sign$/).map((holder) => /Seal/.test(holder))).toEqual([true]);
  });

  test("no role may change a role", () => {
    expect(holders(/^iam:(?!Get|List)/, /role|^\*$/)).toEqual([]);
    // The hub looks at other accounts by the role that each has for that, and takes no other.
    const taken = all.filter(({ actions }) => actions.some((action) => /^sts:AssumeRole/.test(action)));
    expect(taken.map(({ holder }) => holder).filter((holder) => !/Discover/.test(holder))).toEqual([]);
    expect(taken.flatMap(({ resources }) => resources).filter((arn) => !/role\/rekey-look-/.test(arn))).toEqual([]);
  });

  test("appending to the ledger cannot touch the record that says what the log is", () => {
    const writers = all.filter(
      (s) => s.actions.includes("dynamodb:PutItem") && s.resources.some((r) => /ledger|Ledger/.test(r)),
    );
    const loose = writers.filter(({ condition }) => condition !== "ForAllValues:StringLike: dynamodb:LeadingKeys: C#*");
    expect(loose.map(({ holder }) => /Seal/.test(holder))).toEqual([true]);
  });

  test("only what appends, and the sealer, can authenticate what is appended", () => {
    const appends = holders(/^dynamodb:PutItem$/, /ledger|Ledger/);
    expect(holders(/^kms:GenerateMac$/).sort()).toEqual(appends.sort());
    const { hub } = rekey(config);
    const denied = statements(hub).filter(
      ({ effect, actions, principal }) =>
        effect === "Deny" && principal.includes("*") && actions.includes("kms:GenerateMac"),
    );
    expect(denied.map(({ condition }) => condition)).toEqual([
      expect.stringMatching(/^ArnNotEquals: aws:PrincipalArn/),
    ]);
  });

  test("values are read by rotate functions only, each within its network", () => {
    const readers = all.filter(({ actions }) =>
      actions.some((action) => /^secretsmanager:(GetSecret|BatchGet|Put|Update)/.test(action)),
    );
    expect(readers.length).toBeGreaterThan(0);
    for (const { holder, condition } of readers) {
      expect(holder).toMatch(/Rotate/);
      expect(condition).toMatch(/StringEquals: aws:ResourceTag\/rekey:network: \w+/);
    }
    const writers = readers.filter(({ actions }) => actions.some((action) => /:(Put|Update)/.test(action)));
    for (const { condition } of writers) expect(condition).toContain("Null: aws:ResourceTag/rekey:kind: false");
  });
});

test("another prefix is another Rekey: nothing it may do names the first", () => {
  const all = allowed({ ...singleAccount, prefix: "own" });
  const { hub, spokes } = rekey({ ...singleAccount, prefix: "own" });
  const texts = [hub, ...spokes].flatMap(statements).flatMap(({ resources, condition }) => [...resources, condition]);
  expect(all.flatMap(({ resources }) => resources).join()).toContain("own-rotate-default");
  expect(texts.filter((text) => text.includes("rekey-"))).toEqual([]);
});
