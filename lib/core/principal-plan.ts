import type { PrincipalPlan, Rung } from "./quarantine.ts";
import { inlined, RUNGS } from "./quarantine-policy.ts";
import type { Implicated, PrincipalClass, Resolution } from "./resolution.ts";
import type { Identifier, Scenario } from "./types.ts";

/** From where to where a denial may go. */
export type Rungs = { readonly narrowest: Rung; readonly widest: Rung };

/** An exfiltrated session leaves its role working; a compromised workload is denied, at the worst with all of its role. */
const RUNGS_OF: Readonly<Record<Scenario, Rungs>> = {
  exfiltrated: { narrowest: "session", widest: "since" },
  compromised: { narrowest: "workload", widest: "principal" },
};

const NEVER: Readonly<Partial<Record<PrincipalClass, string>>> = {
  own: "it is Rekey's own",
  "break-glass": "its owner keeps it for emergencies",
  "service-linked": "AWS lets nobody edit a service-linked role",
  sso: "roles of IAM Identity Center are not edited in the account: end the person's session there, or let rungs.widest be organization and have the session named",
  root: "nobody can deny the root user anything in its own account",
};

/** Why this principal must not be denied; undefined when it may. */
const spared = ({ principal, narrowed }: Implicated, { widest }: Rungs): string | undefined => {
  const isPerson = principal.class === "sso" && widest === "organization" && narrowed.sessions.length > 0;
  const never = isPerson ? undefined : NEVER[principal.class];
  if (never) return `${principal.id}: ${never}`;
  if (principal.id.startsWith("iam-user:") && inlined(widest) !== "principal") {
    return `${principal.id}: its access keys carry no issue time, so that only denying all of it would stop them`;
  }
  const known = [narrowed.sessions, narrowed.podUids, narrowed.instances, narrowed.functions].some(
    ({ length }) => length > 0,
  );
  return known || RUNGS.indexOf(widest) >= RUNGS.indexOf("since")
    ? undefined
    : `${principal.id}: the event shows no part of it that could be denied alone`;
};

/** Where a denial begins. Nobody but the organisation denies a role of Identity Center; a user's keys stop only with all of it. */
const startOf = ({ principal }: Implicated, { narrowest }: Rungs): Rung => {
  if (principal.class === "sso") return "organization";
  return principal.id.startsWith("iam-user:") && narrowest !== "organization" ? "principal" : narrowest;
};

/** What shall be denied to the principals that a signal leads to. Who must be spared is left out: `spared` says why. */
export const principalPlans = (
  { principals }: Pick<Resolution, "principals">,
  scenario: Scenario,
  rungs: Rungs = RUNGS_OF[scenario],
): readonly PrincipalPlan[] =>
  principals
    .filter((implicated) => spared(implicated, rungs) === undefined)
    .map((implicated) => ({
      principal: implicated.principal.id,
      arn: implicated.principal.arn,
      narrowed: implicated.narrowed,
      rung: startOf(implicated, rungs),
      widest: rungs.widest,
    }));

const isLast = (path: readonly Identifier[] | undefined, id: Identifier) => path?.at(-1) === id;

/** What each principal may read by policies of its own and is not known to have read: denied that, nothing of it breaks. */
export const narrowingPlans = ({ principals, matches }: Resolution): readonly PrincipalPlan[] =>
  principals.flatMap(({ principal, narrowed }): readonly PrincipalPlan[] => {
    const unread = matches
      .filter(({ reached }) => reached?.edge === "can" && isLast(reached.path, principal.id))
      .map(({ credential }) => credential.id);
    if (NEVER[principal.class] || unread.length === 0) return [];
    const { id, arn } = principal;
    return [{ principal: id, arn, narrowed: { ...narrowed, unread }, rung: "unread", widest: "unread" }];
  });

/** Why each principal that must be spared is. */
export const sparedIn = (
  { principals }: Pick<Resolution, "principals">,
  scenario: Scenario,
  rungs: Rungs = RUNGS_OF[scenario],
): readonly string[] => principals.flatMap((implicated) => spared(implicated, rungs) ?? []);
