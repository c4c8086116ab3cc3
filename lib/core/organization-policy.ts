import { Misconfigured } from "./errors.ts";
import type { PrincipalPlan } from "./quarantine.ts";
import type { Identifier } from "./types.ts";

/**
 * Characters that a service control policy may hold. White space counts: what the API is given is kept as it is. AWS
 * doubled it from 5,120 on 15 May 2026, for every organisation; one that still has less refuses the write, and is
 * answered like one that is full.
 * https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
 */
export const ORGANIZATION_QUOTA = 10_240;

type Statement = { readonly Sid?: string; readonly [more: string]: unknown };
type Document = { readonly Version: string; readonly Statement: readonly Statement[] };

/** A policy has to state something: what stands there when nobody is denied, and denies nobody. */
const IDLE: Statement = {
  Sid: "RekeyIdle",
  Effect: "Deny",
  Action: "*",
  Resource: "*",
  Condition: { ArnEquals: { "aws:PrincipalArn": "arn:aws:iam::000000000000:role/rekey-nobody" } },
};

const parsed = (text: string): Document => {
  const document = JSON.parse(text) as Partial<Document> & { readonly Statement?: Statement | readonly Statement[] };
  const Statement = [document.Statement ?? []].flat() as readonly Statement[];
  return { ...document, Version: document.Version ?? "2012-10-17", Statement };
};

/** The document of the policy that a person made. Throws Misconfigured for what is no policy. */
const read = (text: string): Document => {
  try {
    return parsed(text);
  } catch {
    throw new Misconfigured("The organisation's quarantine policy is not JSON. Put it back as deploy.md has it.");
  }
};

/** IAM Identity Center's role for a permission set, by which many people come. */
const isShared = (principal: Identifier): boolean => /\/AWSReservedSSO_/.test(principal);

/**
 * The role or user by its ARN, whatever its path: names are unique in an account whatever their path, and the six parts of
 * an ARN are matched one by one. For a session the key holds its role's ARN.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
 */
const patternOf = ({ principal, arn }: PrincipalPlan): string => {
  const [, kind, account, name] = /^iam-(role|user):(\d{12})\/([\w+=,.@-]{1,64})$/.exec(principal) ?? [];
  const partition = /^arn:([a-z-]+):/.exec(arn)?.[1] ?? "aws";
  return `arn:${partition}:iam::${account}:${kind}*/${name}`;
};

type Form = {
  readonly sid: string;
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
};

/** What one principal is denied by. Of a role that many people share, the sessions that were seen, by `aws:userid`. */
const formOf = (incident: string, plan: PrincipalPlan): Form => {
  const suffix = incident.slice("inc-".length);
  return isShared(plan.principal)
    ? { sid: `RekeyIds${suffix}`, operator: "StringEquals", key: "aws:userid", values: plan.narrowed.sessions }
    : { sid: `RekeyArn${suffix}`, operator: "ArnLike", key: "aws:PrincipalArn", values: [patternOf(plan)] };
};

const valuesIn = ({ Statement }: Document, { sid, operator, key }: Form): readonly string[] => {
  const own = Statement.find(({ Sid }) => Sid === sid);
  const pairs = own?.["Condition"] as Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  const values = own?.["Effect"] === "Deny" && own["Action"] === "*" && own["Resource"] === "*" ? pairs : undefined;
  const there = values?.[operator]?.[key];
  return Array.isArray(there) ? (there as readonly string[]) : [];
};

const withValues = (document: Document, form: Form, values: readonly string[]): string => {
  const { sid: Sid, operator, key } = form;
  const others = document.Statement.filter((one) => one.Sid !== Sid);
  const Condition = { [operator]: { [key]: [...values].sort() } };
  const own = values.length > 0 ? [{ Sid, Effect: "Deny", Action: "*", Resource: "*", Condition }] : [];
  const Statement = [...others, ...own];
  return JSON.stringify({ ...document, Statement: Statement.length > 0 ? Statement : [IDLE] });
};

/** Whether the policy denies all that this incident wants of the principal. */
export const isDeniedIn = (text: string, incident: string, plan: PrincipalPlan): boolean => {
  const form = formOf(incident, plan);
  const there = new Set(valuesIn(read(text), form));
  return form.values.length > 0 && form.values.every((value) => there.has(value));
};

/** The policy with this principal denied by the incident; what others wrote stays as it is. */
export const denyIn = (text: string, incident: string, plan: PrincipalPlan): string => {
  const document = read(text);
  const form = formOf(incident, plan);
  return withValues(document, form, [...new Set([...valuesIn(document, form), ...form.values])]);
};

/** The policy without what this incident denies of the principal; undefined where it denies nothing of it. */
export const allowIn = (text: string, incident: string, plan: PrincipalPlan): string | undefined => {
  const document = read(text);
  const form = formOf(incident, plan);
  const before = valuesIn(document, form);
  const left = before.filter((value) => !form.values.includes(value));
  return left.length === before.length ? undefined : withValues(document, form, left);
};

/** Why no service control policy would stop this principal; undefined when one would. */
export const outOfReach = (plan: PrincipalPlan, management: string): string | undefined => {
  const { principal, narrowed } = plan;
  // https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
  if (principal.includes(`:${management}/`)) {
    return `${principal} is in the organisation's management account, which no service control policy binds`;
  }
  if (/\/AWSServiceRoleFor/.test(principal))
    return `${principal} is linked to a service: no service control policy binds it`;
  return isShared(principal) && narrowed.sessions.length === 0
    ? `${principal} is shared by everybody who has its permission set: name the session of the one person (AROA…:user)`
    : undefined;
};

/** `arn:aws:organizations::<management account>:policy/<organisation>/service_control_policy/<policy>`. */
const POLICY_ARN =
  /^arn:[a-z-]+:organizations::(\d{12}):policy\/(o-[a-z0-9]{10,32})\/service_control_policy\/(p-\w{8,128})$/;

/** The parts of a policy's ARN. Throws Misconfigured for what is none. */
export const policyOf = (arn: string) => {
  const [, management = "", organization = "", id = ""] = POLICY_ARN.exec(arn) ?? [];
  if (id) return { management, organization, id };
  throw new Misconfigured(`${arn} is not the ARN of a service control policy.`);
};

/** What the function that edits the organisation's policy needs of Organizations, in the management account or delegated. */
export const organizationGrants = (policyArn: string) => {
  const { management, organization } = policyOf(policyArn);
  const [, partition] = policyArn.split(":");
  const within = `arn:${partition}:organizations::${management}`;
  return [
    {
      actions: ["organizations:DescribePolicy", "organizations:ListTargetsForPolicy", "organizations:UpdatePolicy"],
      resources: [policyArn],
    },
    // To tell whether the policy is attached above an account.
    {
      actions: ["organizations:ListParents"],
      resources: [`${within}:account/${organization}/*`, `${within}:ou/${organization}/ou-*`],
    },
  ] as const;
};
