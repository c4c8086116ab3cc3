import { holds } from "./condition.ts";
import type { Listed, Named, PolicyStatement } from "./document.ts";
import { glob, matches } from "./glob.ts";
import { filledIn, type Lookup } from "./variables.ts";
import { all, both, either, not, some, type Verdict, verdict } from "./verdict.ts";

/** Who asks for what. */
export type Ask = {
  readonly principal: {
    readonly arn: string;
    readonly account: string;
    readonly kind: "role" | "user";
    /** `AROA…` or `AIDA…`. */
    readonly uniqueId?: string;
    readonly isBounded: boolean;
  };
  readonly action: string;
  readonly resource: string;
  readonly resourceAccount: string;
  readonly lookup: Lookup;
};

/** Names of actions do not tell case apart. */
const actionMatches = ({ but, names }: Listed, action: string): Verdict => {
  const found = names.some((name) => glob(name.toLowerCase(), action.toLowerCase()));
  return verdict(found !== but);
};

/** Whether the statement can be about this action at all. */
export const isAbout = ({ actions }: PolicyStatement, action: string): boolean =>
  actionMatches(actions, action) === "yes";

/**
 * A `*` that ends a segment of an ARN goes on past the colon; of others AWS recommends to keep within one
 * (…/reference_policies_elements_resource.html), so that such a match is not sure.
 */
const SPANS = /\*(?!:|$)/;
const spans = (pattern: string, resource: string) =>
  SPANS.test(pattern) && pattern.split(":").length < 6 && pattern.split(":").length < resource.split(":").length;

const resourceMatches = (listed: Listed | undefined, ask: Ask, hasVariables: boolean): Verdict => {
  if (!listed) return "yes";
  const found = some(listed.names, (name) => {
    const filled = filledIn(name, hasVariables, ask.lookup);
    if (!filled || !matches(filled.pattern, ask.resource)) return "no";
    return filled.isSure && !spans(name, ask.resource) ? "yes" : "maybe";
  });
  return listed.but ? not(found) : found;
};

/** Whether the statement is about this action on this resource under its conditions, whoever asks. */
export const applies = (statement: PolicyStatement, ask: Ask): Verdict => {
  const action = actionMatches(statement.actions, ask.action);
  if (action === "no") return "no";
  const resource = resourceMatches(statement.resources, ask, statement.hasVariables);
  if (resource === "no") return "no";
  const { hasVariables } = statement;
  return both(
    resource,
    all(statement.conditions, (one) => holds(one, { lookup: ask.lookup, hasVariables })),
  );
};

/** How a resource's policy names who asks. */
export type Naming = {
  /** A user by its ARN, a session, or everybody: nothing of the caller's account limits that. */
  readonly direct: Verdict;
  /** A role by its ARN: limited by its boundary. */
  readonly asRole: Verdict;
  /** Its account, which then decides itself. */
  readonly account: Verdict;
};
const NOBODY: Naming = { direct: "no", asRole: "no", account: "no" };

const SESSION = /^arn:[^:]+:sts::(\d{12}):assumed-role\/([^/]+)\//;
const ROOT = /^(?:arn:[^:]+:iam::)?(\d{12})(?::root)?$/;

const isSessionOf = (name: string, { arn, account }: Ask["principal"]): boolean => {
  const [, owner, role] = SESSION.exec(name) ?? [];
  return owner === account && role === arn.split("/").at(-1);
};

const named = ({ type, name }: Named, { principal }: Ask): Naming => {
  if (type !== "AWS") return NOBODY;
  if (name === "*") return { ...NOBODY, direct: "yes" };
  if (ROOT.exec(name)?.[1] === principal.account) return { ...NOBODY, account: "yes" };
  if (name === principal.arn || name === principal.uniqueId) {
    return principal.kind === "user" ? { ...NOBODY, direct: "yes" } : { ...NOBODY, asRole: "yes" };
  }
  // One session of it may, others may not.
  return principal.kind === "role" && isSessionOf(name, principal) ? { ...NOBODY, direct: "maybe" } : NOBODY;
};

const joined = (a: Naming, b: Naming): Naming => ({
  direct: either(a.direct, b.direct),
  asRole: either(a.asRole, b.asRole),
  account: either(a.account, b.account),
});

/**
 * `NotPrincipal` denies everybody else, always whoever has a boundary, and is safe only with both the principal and its
 * account in it; with Allow it is not supported (…/reference_policies_elements_notprincipal.html).
 */
const exempted = (effect: "Allow" | "Deny", found: Naming, isBounded: boolean): Naming => {
  const self = either(found.direct, found.asRole);
  if (effect === "Allow") return { ...NOBODY, direct: self === "yes" ? "no" : "maybe" };
  if (isBounded) return { ...NOBODY, direct: "yes" };
  const least = both(self, found.account);
  const most = either(self, found.account);
  return { ...NOBODY, direct: least === most ? not(least) : "maybe" };
};

/** How the statement of a resource's policy names who asks. A policy without principals, as an identity's, names nobody. */
export const naming = ({ effect, principals }: PolicyStatement, ask: Ask): Naming => {
  if (!principals) return NOBODY;
  const found = principals.named.map((one) => named(one, ask)).reduce(joined, NOBODY);
  return principals.but ? exempted(effect, found, ask.principal.isBounded) : found;
};
