import { isIdentifier } from "../identifier.ts";
import type { PolicyStatement } from "../policy/document.ts";
import type { Identifier } from "../types.ts";
import type { Entity, Runs } from "./facts.ts";

/** An EKS cluster's issuer, as trust policies name it, to the cluster's name. */
export type Issuers = ReadonlyMap<string, string>;

const PROVIDER = /^arn:[\w-]+:iam::\d{12}:oidc-provider\/(.+)$/;
const SUBJECT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const EVERYONE = "system:serviceaccount:*:*";

/** The subjects that a statement holds the issuer's tokens to; without a condition, all of them. */
const subjectsOf = ({ conditions }: PolicyStatement, issuer: string): readonly string[] => {
  const held = conditions.filter(({ key }) => key.toLowerCase() === `${issuer}:sub`.toLowerCase());
  const positive = held.filter(({ operator }) => /^(?:ForAnyValue:)?String(?:Equals|Like)$/i.test(operator));
  return positive.length > 0 ? positive.flatMap(({ values }) => values) : [EVERYONE];
};

const runsAs = (cluster: string, subject: string, principal: Identifier): readonly Runs[] => {
  const [, namespace, name] = SUBJECT.exec(subject === "*" ? EVERYONE : subject) ?? [];
  if (!namespace || !name) return [];
  const account: Identifier = `k8s-sa:${cluster}/${namespace}/${name}`;
  if (/[*?]/.test(account)) return [{ name: account, principal, isPattern: true }];
  return isIdentifier(account) ? [{ name: account, principal }] : [];
};

/**
 * The service accounts that may become a role by their tokens, read from the role's trust alone
 * (docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html): no call to Kubernetes.
 */
export const serviceAccountsOf = ({ id, trust = [] }: Entity, issuers: Issuers): readonly Runs[] =>
  trust
    .filter(({ effect }) => effect === "Allow")
    .flatMap((statement) =>
      (statement.principals?.named ?? []).flatMap(({ type, name }) => {
        const issuer = type === "Federated" ? PROVIDER.exec(name)?.[1] : undefined;
        const cluster = issuer && issuers.get(issuer);
        return cluster ? subjectsOf(statement, issuer).flatMap((subject) => runsAs(cluster, subject, id)) : [];
      }),
    );
