import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type Policy, parsePolicy } from "../../lib/core/policy/document.ts";
import { evaluate, type Policies, type Rule } from "../../lib/core/policy/evaluate.ts";
import { glob } from "../../lib/core/policy/glob.ts";
import type { Ask } from "../../lib/core/policy/statement.ts";
import type { Lookup } from "../../lib/core/policy/variables.ts";

const ACCOUNT = "111122223333";
const OTHER = "444455556666";
const SECRET = `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:prod/db-AbCdEf`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/app/api`;
const USER = `arn:aws:iam::${ACCOUNT}:user/carlos`;
const READ = "secretsmanager:GetSecretValue";

const document = (...Statement: readonly object[]): Policy =>
  parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement }));
const allow = (more: object = {}) => ({ Effect: "Allow", Action: READ, Resource: "*", ...more });
const deny = (more: object = {}) => ({ Effect: "Deny", Action: READ, Resource: "*", ...more });
const to = (AWS: string | readonly string[], more: object = {}) => allow({ Principal: { AWS }, ...more });

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  "aws:username": ["carlos"],
  "aws:principalarn": [ROLE],
  "aws:requestedregion": ["eu-west-1"],
  "aws:resourcetag/team": ["payments"],
  "aws:resourcetag/cost": [],
  "aws:tagkeys": ["a", "b"],
  "aws:viaawsservice": ["false"],
  "aws:currenttime": ["2026-11-20T09:00:00.000Z"],
  "x:number": ["5"],
};
const lookup: Lookup = (key) => KNOWN[key];

const ask = (more: Partial<Ask["principal"]> = {}, over: Partial<Ask> = {}): Ask => ({
  principal: {
    arn: ROLE,
    account: ACCOUNT,
    kind: "role",
    uniqueId: "AROACKCEVSQ6C2EXAMPLE",
    isBounded: false,
    ...more,
  },
  action: READ,
  resource: SECRET,
  resourceAccount: ACCOUNT,
  lookup,
  ...over,
});
const asUser = ask({ arn: USER, kind: "user", uniqueId: "AIDACKCEVSQ6C2EXAMPLE" });
const decide = (policies: Partial<Policies>, of: Ask = ask(), rule?: Rule) =>
  evaluate({ identity: [], ...policies }, of, rule);
const identity = (...statements: readonly object[]) => decide({ identity: [document(...statements)] });

describe("identity policies", () => {
  test.each([
    ["nothing allows: implicit deny", [], "no"],
    ["an Allow", [allow()], "yes"],
    ["an explicit Deny beside it", [allow(), deny()], "no"],
    ["an Allow of another action", [allow({ Action: "secretsmanager:DescribeSecret" })], "no"],
    ["names of actions without case", [allow({ Action: "SecretsManager:getsecretvalue" })], "yes"],
    ["a wildcard in the action", [allow({ Action: "secretsmanager:Get*" })], "yes"],
    ["a question mark in the action", [allow({ Action: "secretsmanager:GetSecretValu?" })], "yes"],
    ["NotAction that leaves it in", [allow({ Action: undefined, NotAction: "iam:*" })], "yes"],
    ["NotAction that takes it out", [allow({ Action: undefined, NotAction: ["iam:*", READ] })], "no"],
    ["the resource by its name and any suffix", [allow({ Resource: SECRET.replace(/.{6}$/, "??????") })], "yes"],
    ["another resource", [allow({ Resource: SECRET.replace("prod", "test") })], "no"],
    ["resources with case", [allow({ Resource: SECRET.replace("prod", "Prod") })], "no"],
    ["NotResource that leaves it in", [allow({ Resource: undefined, NotResource: "arn:aws:s3:::*" })], "yes"],
    ["NotResource that takes it out", [allow({ Resource: undefined, NotResource: SECRET })], "no"],
    ["a star that goes past a colon", [allow({ Resource: "arn:aws:secretsmanager:*" })], "yes"],
    [
      "a star in the midst of a segment that would have to",
      [allow({ Resource: "arn:aws:secretsmanager:*prod/db-AbCdEf" })],
      "maybe",
    ],
    ["a Deny of everything else", [allow(), deny({ Resource: undefined, NotResource: SECRET })], "yes"],
  ])("%s", (_, statements, expected) => expect(identity(...statements)).toBe(expected));

  test("one that cannot be read is no proof of anything", () => {
    expect(decide({ identity: [parsePolicy("{")] })).toBe("maybe");
    expect(decide({ identity: [document(allow()), parsePolicy("{}")] })).toBe("maybe");
    expect(decide({ identity: [document(deny()), parsePolicy("{}")] })).toBe("no");
  });

  test("IAM's API answers them URL-encoded", () => {
    const text = encodeURIComponent(JSON.stringify({ Version: "2012-10-17", Statement: allow() }));
    expect(decide({ identity: [parsePolicy(text)] })).toBe("yes");
  });
});

describe("conditions", () => {
  const when = (operator: string, key: string, values: unknown) =>
    identity(allow({ Condition: { [operator]: { [key]: values } } }));
  test.each([
    ["StringEquals", "aws:ResourceTag/team", "payments", "yes"],
    ["StringEquals", "AWS:resourcetag/Team", ["x", "payments"], "yes"],
    ["StringEquals", "aws:ResourceTag/team", "Payments", "no"],
    ["StringEquals", "aws:ResourceTag/team", "pay*", "no"],
    ["StringEqualsIgnoreCase", "aws:ResourceTag/team", "Payments", "yes"],
    ["StringNotEquals", "aws:ResourceTag/team", ["x", "payments"], "no"],
    ["StringNotEquals", "aws:ResourceTag/team", ["x", "y"], "yes"],
    ["StringLike", "aws:ResourceTag/team", "pay?ents", "yes"],
    ["StringNotLike", "aws:ResourceTag/team", "pay*", "no"],
    ["ArnLike", "aws:PrincipalArn", `arn:aws:iam::${ACCOUNT}:role/app/*`, "yes"],
    ["ArnNotEquals", "aws:PrincipalArn", ROLE, "no"],
    ["Bool", "aws:ViaAWSService", "false", "yes"],
    ["Bool", "aws:ViaAWSService", true, "no"],
    ["NumericLessThanEquals", "x:number", 5, "yes"],
    ["NumericGreaterThan", "x:number", "5", "no"],
    ["NumericEquals", "x:number", "five", "maybe"],
    ["DateLessThan", "aws:CurrentTime", "2026-11-20T09:00:01Z", "yes"],
    ["DateGreaterThan", "aws:CurrentTime", "2026-12-01", "no"],
    ["DateLessThan", "aws:CurrentTime", "1795166000", "maybe"],
    // A key that is not in the request: …/reference_policies_elements_condition_operators.html.
    ["StringEquals", "aws:ResourceTag/cost", "x", "no"],
    ["StringNotEquals", "aws:ResourceTag/cost", "x", "yes"],
    ["StringEqualsIfExists", "aws:ResourceTag/cost", "x", "yes"],
    ["StringEqualsIfExists", "aws:ResourceTag/team", "x", "no"],
    ["Null", "aws:ResourceTag/cost", "true", "yes"],
    ["Null", "aws:ResourceTag/team", "true", "no"],
    ["Null", "aws:SourceVpc", "true", "maybe"],
    // Several values in the request: …/reference_policies_condition-single-vs-multi-valued-context-keys.html.
    ["ForAllValues:StringEquals", "aws:TagKeys", ["a", "b", "c"], "yes"],
    ["ForAllValues:StringEquals", "aws:TagKeys", ["a"], "no"],
    ["ForAnyValue:StringEquals", "aws:TagKeys", ["b"], "yes"],
    ["ForAnyValue:StringEquals", "aws:TagKeys", ["c"], "no"],
    ["ForAllValues:StringEquals", "aws:ResourceTag/cost", ["a"], "yes"],
    ["ForAnyValue:StringEquals", "aws:ResourceTag/cost", ["a"], "no"],
    // What only the request tells.
    ["IpAddress", "aws:SourceIp", "203.0.113.0/24", "maybe"],
    ["StringEquals", "aws:SourceVpce", "vpce-1", "maybe"],
    ["StringEqualsIfExists", "aws:SourceVpce", "vpce-1", "maybe"],
    ["NoSuchOperator", "aws:ResourceTag/team", "payments", "maybe"],
  ])("%s %s %j: %s", (operator, key, values, expected) => expect(when(operator, key, values)).toBe(expected));

  test("all lines of a block have to hold", () => {
    const Condition = { StringEquals: { "aws:ResourceTag/team": "payments", "aws:RequestedRegion": "us-east-1" } };
    expect(identity(allow({ Condition }))).toBe("no");
  });
  test("a Deny whose condition nobody can decide leaves a doubt, one that cannot hold does not", () => {
    const unknown = { IpAddress: { "aws:SourceIp": "203.0.113.0/24" } };
    expect(identity(allow(), deny({ Condition: unknown }))).toBe("maybe");
    expect(identity(allow(), deny({ Condition: { Bool: { "aws:ViaAWSService": "true" } } }))).toBe("yes");
  });
});

describe("policy variables", () => {
  test.each([
    ["of a known key", "arn:aws:x:::home/${aws:username}", "arn:aws:x:::home/carlos", "yes"],
    ["without case", "arn:aws:x:::home/${AWS:UserName}", "arn:aws:x:::home/carlos", "yes"],
    ["of another value", "arn:aws:x:::home/${aws:username}", "arn:aws:x:::home/eve", "no"],
    ["of an unknown key", "arn:aws:x:::home/${aws:userid}", "arn:aws:x:::home/eve", "maybe"],
    ["of an unknown key elsewhere", "arn:aws:x:::home/${aws:userid}", "arn:aws:x:::else/eve", "no"],
    ["that the request has not", "arn:aws:x:::home/${aws:ResourceTag/cost}", "arn:aws:x:::home/", "no"],
    ["with a default", "arn:aws:x:::home/${aws:ResourceTag/cost, 'none'}", "arn:aws:x:::home/none", "yes"],
    ["that is a star itself", "arn:aws:x:::home/${*}", "arn:aws:x:::home/*", "yes"],
    ["that is a star itself and no wildcard", "arn:aws:x:::home/${*}", "arn:aws:x:::home/x", "no"],
  ])("%s", (_, Resource, resource, expected) => {
    expect(decide({ identity: [document(allow({ Resource }))] }, { ...ask(), resource })).toBe(expected);
  });
  test("are plain text before version 2012-10-17", () => {
    const old = parsePolicy(JSON.stringify({ Statement: allow({ Resource: "arn:aws:x:::${aws:username}" }) }));
    expect(decide({ identity: [old] }, { ...ask(), resource: "arn:aws:x:::carlos" })).toBe("no");
  });
});

describe("within one account", () => {
  const boundary = document({ Effect: "Allow", Action: "s3:*", Resource: "*" });
  const limited = { boundary };
  const bounded = ask({ isBounded: true });
  const boundedUser = ask({ arn: USER, kind: "user", isBounded: true });
  const session = `arn:aws:sts::${ACCOUNT}:assumed-role/api/i-1`;
  test.each<readonly [string, Partial<Policies>, Ask, string]>([
    ["identity alone", { identity: [document(allow())] }, ask(), "yes"],
    ["resource alone, a role by its ARN", { resource: document(to(ROLE)) }, ask(), "yes"],
    ["resource alone, a user by its ARN", { resource: document(to(USER)) }, asUser, "yes"],
    ["resource alone, by its unique id", { resource: document(to("AROACKCEVSQ6C2EXAMPLE")) }, ask(), "yes"],
    ["resource alone, another role", { resource: document(to(`${ROLE}2`)) }, ask(), "no"],
    [
      "resource names the account only: it does not allow its principals",
      { resource: document(to(ACCOUNT)) },
      ask(),
      "no",
    ],
    [
      "resource names a service",
      { resource: document(allow({ Principal: { Service: "x.amazonaws.com" } })) },
      ask(),
      "no",
    ],
    ["resource denies", { identity: [document(allow())], resource: document(deny({ Principal: "*" })) }, ask(), "no"],
    [
      "resource denies the account",
      { identity: [document(allow())], resource: document(deny({ Principal: { AWS: ACCOUNT } })) },
      ask(),
      "no",
    ],
    [
      "resource denies one session",
      { identity: [document(allow())], resource: document(deny({ Principal: { AWS: session } })) },
      ask(),
      "maybe",
    ],
    [
      "resource denies others",
      { identity: [document(allow())], resource: document(deny({ Principal: { AWS: USER } })) },
      ask(),
      "yes",
    ],
    ["a boundary that does not allow", { identity: [document(allow())], ...limited }, bounded, "no"],
    ["a boundary that allows", { identity: [document(allow())], boundary: document(allow()) }, bounded, "yes"],
    ["a boundary alone gives nothing", { boundary: document(allow()) }, bounded, "no"],
    ["a boundary limits a role that the resource names", { resource: document(to(ROLE)), ...limited }, bounded, "no"],
    [
      "a boundary does not limit a user that it names",
      { resource: document(to(USER)), ...limited },
      boundedUser,
      "yes",
    ],
    ["a boundary does not limit everybody", { resource: document(to("*")), ...limited }, bounded, "yes"],
    ["a session that it names", { resource: document(to(session)), ...limited }, bounded, "maybe"],
    [
      "a boundary's Deny always counts",
      { resource: document(to(USER)), boundary: document(deny()) },
      boundedUser,
      "no",
    ],
    ["an SCP that does not allow", { identity: [document(allow())], scps: [[boundary]] }, ask(), "no"],
    [
      "SCPs of which one level does not allow",
      { identity: [document(allow())], scps: [[document(allow({ Action: "*" }))], [boundary]] },
      ask(),
      "no",
    ],
    [
      "SCPs that all allow",
      { identity: [document(allow())], scps: [[document(allow({ Action: "*" }))], [boundary, document(allow())]] },
      ask(),
      "yes",
    ],
    [
      "an SCP's Deny over a resource's Allow",
      { resource: document(to(USER)), scps: [[document(allow(), deny())]] },
      asUser,
      "no",
    ],
  ])("%s", (_, policies, of, expected) => expect(decide(policies, of)).toBe(expected));
});

describe("NotPrincipal", () => {
  const only = (...AWS: readonly string[]) => document(deny({ NotPrincipal: { AWS } }));
  const allowed = { identity: [document(allow())] };
  test("denies everybody but whom it names with their account", () => {
    expect(decide({ ...allowed, resource: only(ROLE, ACCOUNT) })).toBe("yes");
    expect(decide({ ...allowed, resource: only(USER) })).toBe("no");
  });
  test("is not sure where the account is not named beside the principal", () => {
    expect(decide({ ...allowed, resource: only(ROLE) })).toBe("maybe");
  });
  test("denies whoever has a boundary, named or not", () => {
    const boundary = document(allow());
    expect(decide({ ...allowed, boundary, resource: only(ROLE, ACCOUNT) }, ask({ isBounded: true }))).toBe("no");
  });
  test("with Allow is not supported, and so proves nothing", () => {
    expect(decide({ resource: document(allow({ NotPrincipal: { AWS: USER } })) })).toBe("maybe");
    expect(decide({ resource: document(allow({ NotPrincipal: { AWS: ROLE } })) })).toBe("no");
  });
});

describe("role trust and KMS keys", () => {
  const trust = { action: "sts:AssumeRole", resource: `arn:aws:iam::${ACCOUNT}:role/target` };
  const may = document({ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" });
  const trusts = (AWS: string) => document({ Effect: "Allow", Action: "sts:AssumeRole", Principal: { AWS } });
  const of = ask({}, trust);
  test.each<readonly [string, Partial<Policies>, string]>([
    ["identity alone is not enough", { identity: [may] }, "no"],
    ["a trust that names the role is", { resource: trusts(ROLE) }, "yes"],
    ["one that names the account needs identity too", { resource: trusts(ACCOUNT) }, "no"],
    ["both", { resource: trusts(`arn:aws:iam::${ACCOUNT}:root`), identity: [may] }, "yes"],
    ["of another account", { resource: trusts(OTHER), identity: [may] }, "no"],
  ])("%s", (_, policies, expected) => expect(decide(policies, of, "resource")).toBe(expected));
});

describe("across accounts", () => {
  const theirs = ask({}, { resource: SECRET.replaceAll(ACCOUNT, OTHER), resourceAccount: OTHER });
  const own = { identity: [document(allow())] };
  test.each<readonly [string, Partial<Policies>, string]>([
    ["identity alone", own, "no"],
    ["resource alone", { resource: document(to(ROLE)) }, "no"],
    ["both, by the role's ARN", { ...own, resource: document(to(ROLE)) }, "yes"],
    ["both, by the account", { ...own, resource: document(to(ACCOUNT)) }, "yes"],
    ["a boundary that does not allow", { ...own, resource: document(to(ROLE)), boundary: document() }, "no"],
    ["an SCP that does not allow", { ...own, resource: document(to(ROLE)), scps: [[document()]] }, "no"],
    ["the resource denies", { ...own, resource: document(to(ROLE), deny({ Principal: "*" })) }, "no"],
  ])("%s", (_, policies, expected) => expect(decide(policies, theirs)).toBe(expected));
});

const RANK = { no: 0, maybe: 1, yes: 2 } as const;
const action = fc.constantFrom("*", READ, "secretsmanager:*", "s3:*", "secretsmanager:Get?ecretValue");
const resource = fc.constantFrom(
  "*",
  SECRET,
  "arn:aws:secretsmanager:*",
  "arn:aws:s3:::x",
  "arn:aws:x:::${aws:userid}",
);
const condition = fc.constantFrom(
  {},
  { StringEquals: { "aws:ResourceTag/team": "payments" } },
  { StringNotEquals: { "aws:ResourceTag/team": "payments" } },
  { IpAddress: { "aws:SourceIp": "203.0.113.0/24" } },
  { Null: { "aws:ResourceTag/cost": "true" } },
);
const principal = fc.constantFrom(ROLE, USER, ACCOUNT, OTHER, "*");
const statement = (Effect: "Allow" | "Deny") =>
  fc.record({ Effect: fc.constant(Effect), Action: action, Resource: resource, Condition: condition });
const either = fc.oneof(statement("Allow"), statement("Deny"));
const withPrincipal = fc.tuple(either, principal).map(([one, AWS]) => ({ ...one, Principal: { AWS } }));
const world = fc.record({
  identity: fc.array(either, { maxLength: 4 }),
  resource: fc.array(withPrincipal, { maxLength: 3 }),
  boundary: fc.option(fc.array(either, { maxLength: 3 }), { nil: undefined }),
});
type World = { identity: readonly object[]; resource: readonly object[]; boundary: readonly object[] | undefined };
const judged = ({ identity, resource: on, boundary }: World, rule: Rule = "either") =>
  RANK[
    evaluate(
      {
        identity: [document(...identity)],
        resource: document(...on),
        ...(boundary && { boundary: document(...boundary) }),
      },
      ask({ isBounded: boundary !== undefined }),
      rule,
    )
  ];

describe("whatever the policies are", () => {
  it("adding a Deny never widens", () => {
    fc.assert(
      fc.property(world, statement("Deny"), (of, more) => {
        expect(judged({ ...of, identity: [...of.identity, more] })).toBeLessThanOrEqual(judged(of));
        const denied = { ...more, Principal: "*" };
        expect(judged({ ...of, resource: [...of.resource, denied] })).toBeLessThanOrEqual(judged(of));
      }),
    );
  });
  it("adding an Allow never narrows", () => {
    fc.assert(
      fc.property(world, statement("Allow"), (of, more) => {
        expect(judged({ ...of, identity: [...of.identity, more] })).toBeGreaterThanOrEqual(judged(of));
        const granted = { ...more, Principal: { AWS: ROLE } };
        expect(judged({ ...of, resource: [...of.resource, granted] })).toBeGreaterThanOrEqual(judged(of));
      }),
    );
  });
  it("a boundary never widens, and the stricter rule never does", () => {
    fc.assert(
      fc.property(world, (of) => {
        expect(judged(of)).toBeLessThanOrEqual(judged({ ...of, boundary: undefined }));
        expect(judged(of, "resource")).toBeLessThanOrEqual(judged(of));
      }),
    );
  });
  it("the order of statements decides nothing", () => {
    fc.assert(
      fc.property(world, (of) => {
        expect(judged({ ...of, identity: [...of.identity].reverse(), resource: [...of.resource].reverse() })).toBe(
          judged(of),
        );
      }),
    );
  });
  it("what is unknown is never a sure answer: learning it moves from maybe to yes or no, and never between these", () => {
    const learnt = fc.constantFrom<readonly string[]>([], ["203.0.113.7"], ["AROA:x"]);
    fc.assert(
      fc.property(world, learnt, ({ identity: own, boundary }, value) => {
        const policies = { identity: [document(...own)], ...(boundary && { boundary: document(...boundary) }) };
        const before = evaluate(policies, ask());
        const after = evaluate(policies, ask({}, { lookup: (key) => KNOWN[key] ?? value }));
        if (before !== "maybe") expect(after).toBe(before);
      }),
    );
  });
});

describe("wildcards", () => {
  it("match as a regular expression would", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
    const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (p, t) => {
        const regex = new RegExp(`^${p.replaceAll("*", ".*").replaceAll("?", ".")}$`);
        expect(glob(p, t)).toBe(regex.test(t));
      }),
    );
  });
  it("take no longer than the product of both lengths", () => {
    const begun = performance.now();
    expect(glob("*a".repeat(1_000), "a".repeat(999).concat("b").repeat(4))).toBe(false);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
