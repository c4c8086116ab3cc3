import wildcard from "wildcard-match";
import type { Actor } from "../core/events.ts";

export const ROLES = ["reader", "reviewer", "approver", "operator"] as const;
export type Role = (typeof ROLES)[number];

/** Who has a role: ARNs, `*` for any run of characters, and groups of the identity provider's, whole. */
export type Members = { readonly arns: readonly string[]; readonly groups: readonly string[] };
export type Mapping = { readonly [R in Role]?: Members | undefined };

/** Who calls, as API Gateway's authorizer has found it. */
export type Caller =
  | { readonly by: "iam"; readonly arn: string }
  | { readonly by: "jwt"; readonly issuer: string; readonly subject: string; readonly groups: readonly string[] };

const has = (caller: Caller, { arns, groups }: Members): boolean =>
  caller.by === "iam"
    ? arns.length > 0 && wildcard([...arns], { separator: false })(caller.arn)
    : caller.groups.some((group) => groups.includes(group));

/** The roles of a caller: those that the mapping names, and no others. */
export const rolesOf = (caller: Caller, mapping: Mapping): readonly Role[] =>
  ROLES.filter((role) => {
    const members = mapping[role];
    return members !== undefined && has(caller, members);
  });

/** Whoever has any role may read; every other role is for its own routes only. */
export const admits = (roles: readonly Role[], wanted: Role): boolean =>
  wanted === "reader" ? roles.length > 0 : roles.includes(wanted);

/** In the ledger's words. A person of an identity provider is known by issuer and subject: addresses change hands. */
export const actorOf = (caller: Caller): Actor => ({
  kind: "human",
  principal: caller.by === "iam" ? caller.arn : `${caller.issuer}#${caller.subject}`,
});
