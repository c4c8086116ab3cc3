import wildcard from "wildcard-match";
import type { Grant } from "./types.ts";

/** Names, in which `*` stands for any run of characters, of those whom Rekey may deny. */
export type Denied = { readonly roles: readonly string[]; readonly users: readonly string[] };

const arns = (kind: "role" | "user", names: readonly string[]) =>
  names.map((name) => `arn:\${partition}:iam::\${account}:${kind}/${name}`);

const grant = (actions: readonly string[], resources: readonly string[]): readonly Grant[] =>
  resources.length > 0 ? [{ actions, resources }] : [];

/**
 * What the quarantine function needs: inline policies of those principals, and IAM's own simulation to see them in
 * force. An inline policy has no ARN, so that its name cannot be granted alone.
 */
export const quarantineGrants = ({ roles, users }: Denied): readonly Grant[] => [
  ...grant(
    [
      "iam:DeleteRolePolicy",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListRolePolicies",
      "iam:PutRolePolicy",
      "iam:SimulatePrincipalPolicy",
    ],
    arns("role", roles),
  ),
  ...grant(
    [
      "iam:DeleteUserPolicy",
      "iam:GetUser",
      "iam:GetUserPolicy",
      "iam:ListUserPolicies",
      "iam:PutUserPolicy",
      "iam:SimulatePrincipalPolicy",
    ],
    arns("user", users),
  ),
];

const RESERVED = [
  ["/aws-service-role/", "is linked to a service: AWS lets nobody edit it"],
  ["/aws-reserved/", "belongs to IAM Identity Center: end its sessions there"],
] as const;

/** Why this deployment may not deny a principal, undefined when it may. The grants say the same. */
export const refusalOf =
  ({ roles, users }: Denied, prefix: string) =>
  (principal: string, arn: string): string | undefined => {
    const [, kind = "", path = "", name = ""] = /:(role|user)(\/(?:.*\/)?)([^/]+)$/.exec(arn) ?? [];
    if (name.startsWith(`${prefix}-`)) return `${principal} is Rekey's own`;
    const reserved = RESERVED.find(([start]) => path.startsWith(start));
    if (reserved) return `${principal} ${reserved[1]}`;
    const named = wildcard(kind === "user" ? [...users] : [...roles], { separator: false });
    const allowed = named(`${path.slice(1)}${name}`);
    return allowed ? undefined : `${principal} is named by no pattern of quarantine.${kind}s in the config`;
  };
