import { lazily } from "../core/lazily.ts";
import { type Deps, defineRotator } from "../core/types.ts";
import { identityOf } from "./postgres/target.ts";
import { Material, namesOf, Target } from "./rds-iam-login/target.ts";

/**
 * A PostgreSQL login that RDS lets in by IAM tokens. Its secret holds an address and no password; what is ended is the
 * login itself and its sessions, at the database, where a denied role's open sessions would live on.
 */
export default defineRotator({
  kind: "rds-iam-login",
  title: "PostgreSQL login by IAM authentication (RDS, Aurora), contained and never rotated",
  notes: [
    "There is no password to replace: a workload signs a token of 15 minutes with its role. A revoke forbids the login at the database and ends its sessions; the role that signs is a principal, which a quarantine denies. Do both: docs/explanation/rds-iam.md.",
    "It is dead when RDS has taken a token of Rekey's own and the database then refuses the login. A token that IAM does not take proves nothing.",
    "Tag the DB instance or cluster with rekey:network as well: the rotate function may sign in to databases of its network and to no other. Guard that tag as you guard the database.",
    "RDS's certificates come from an authority that Node does not know: ship its PEM file with the function and name it in rekey:tlsCa. host must be the endpoint's own name; RDS takes no token for another (RDS user guide, IAM authentication).",
    "Only PostgreSQL is covered. Logins of MySQL and MariaDB by AWSAuthenticationPlugin are not.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "all of the login",
    window: "never rotated",
    testedAgainst: "PostgreSQL 18.4, and 15 where it is installed, behind a stand-in for RDS that asks enforced IAM",
  },
  strategies: ["single"],
  restores: true,
  containedOnly: "it holds no password, and nothing else of it could be replaced.",
  scopes: ["read-only"],
  strategy: () => "single",
  identity: (target, material) => identityOf(target, material),
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: filled in at deploy
  grants: [
    {
      // To try a login as a token does. The key is in the service authorization reference of Amazon RDS IAM Authentication.
      actions: ["rds-db:connect"],
      resources: ["arn:${partition}:rds-db:${region}:${account}:dbuser:*/*"],
      conditions: { StringEquals: { "aws:ResourceTag/rekey:network": "${network}" } },
    },
  ],
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: filled in at deploy
  example: {
    tags: { admin: "orders-db-admin", tlsCa: "/opt/rds-ca.pem" },
    material: {
      engine: "postgres",
      host: "orders.abc.eu-central-1.rds.amazonaws.com",
      port: 5432,
      dbname: "orders",
      username: "orders_iam",
      dbInstanceIdentifier: "orders",
      dbiResourceId: "db-ABCDEFGHIJKL01234",
    },
  },
  identifiers: (target, material) => namesOf(target, material),
  connect: (deps: Deps) =>
    lazily(["restore", "scope", "rescope", "widen", "uses", "inspect"], async () =>
      (await import("./rds-iam-login/verbs.ts")).connect(deps),
    ),
});
