import type { Policy } from "./document.ts";
import { type Ask, applies, isAbout, type Naming, naming } from "./statement.ts";
import { all, both, either, not, some, type Verdict } from "./verdict.ts";

/** All policies that speak of one principal and one resource. */
export type Policies = {
  /** Its own, inline and managed, and for a user those of its groups. */
  readonly identity: readonly Policy[];
  readonly boundary?: Policy;
  /** The resource's. */
  readonly resource?: Policy;
  /** Service control policies of each level from the organisation's root to the account. Each level has to allow. */
  readonly scps?: readonly (readonly Policy[])[];
};

/**
 * Who has to allow within one account. `either`: identity or resource. `resource`: nothing is allowed unless the
 * resource's policy names the principal, or its account and thereby its identity policies: role trust and KMS keys
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html).
 */
export type Rule = "either" | "resource";

/** The statements of a policy that can be about this action. */
export const about = (policy: Policy, action: string): Policy => policy.filter((one) => isAbout(one, action));

const allowedBy = (policies: readonly Policy[], ask: Ask): Verdict =>
  some(policies, (policy) => some(policy, (one) => (one.effect === "Allow" ? applies(one, ask) : "no")));

const deniedBy = (policies: readonly Policy[], ask: Ask): Verdict =>
  some(policies, (policy) => some(policy, (one) => (one.effect === "Deny" ? applies(one, ask) : "no")));

const anyOf = ({ direct, asRole, account }: Naming): Verdict => either(either(direct, asRole), account);

const deniedByResource = (policy: Policy, ask: Ask): Verdict =>
  some(policy, (one) => (one.effect === "Deny" ? both(applies(one, ask), anyOf(naming(one, ask))) : "no"));

/** By which way of naming the resource's policy allows. */
const grantsOf = (policy: Policy, ask: Ask): Naming => {
  const by = (way: keyof Naming) =>
    some(policy, (one) => (one.effect === "Allow" ? both(naming(one, ask)[way], applies(one, ask)) : "no"));
  return { direct: by("direct"), asRole: by("asRole"), account: by("account") };
};

const granted = (policies: Policies, ask: Ask, rule: Rule): Verdict => {
  const { boundary, resource = [], scps = [] } = policies;
  const within = boundary ? allowedBy([boundary], ask) : "yes";
  const scp = all(scps, (level) => allowedBy(level, ask));
  const identity = allowedBy(policies.identity, ask);
  const grants = grantsOf(resource, ask);
  if (ask.principal.account !== ask.resourceAccount) {
    return both(scp, both(within, both(identity, anyOf(grants))));
  }
  const own = rule === "resource" ? both(identity, grants.account) : identity;
  return both(scp, either(grants.direct, both(within, either(grants.asRole, own))));
};

/**
 * Whether the principal may do it, by AWS's published logic: an explicit Deny anywhere wins; then every service control
 * policy has to allow, then the boundary, then identity or resource. Within one account a resource's policy that names a
 * user, a session or everybody is limited by nothing else; across accounts both sides have to allow
 * (…/reference_policies_evaluation-logic_policy-eval-basics.html, …-cross-account.html). Resource control policies and
 * session policies are not in it: both only narrow.
 */
export const evaluate = (policies: Policies, ask: Ask, rule: Rule = "either"): Verdict => {
  const { boundary = [], resource = [], scps = [] } = policies;
  const denied = either(
    deniedBy([...policies.identity, boundary, ...scps.flat()], ask),
    deniedByResource(resource, ask),
  );
  return denied === "yes" ? "no" : both(not(denied), granted(policies, ask, rule));
};
