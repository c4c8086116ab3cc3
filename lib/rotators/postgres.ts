import { Misconfigured } from "../core/errors.ts";
import { passwordFor } from "../core/password.ts";
import { mapSecret } from "../core/secret.ts";
import { type Deps, defineRotator, type IssueRequest } from "../core/types.ts";
import { driver } from "./postgres/connect.ts";
import { install } from "./postgres/install.ts";
import { restore, revoke } from "./postgres/revoke.ts";
import { identifiersOf, identityOf, loginOf, Material, Target } from "./postgres/target.ts";
import { verify } from "./postgres/verify.ts";

const issue = (deps: Deps, { target, current }: IssueRequest<Target, Material>) => {
  if (!current) {
    throw new Misconfigured(
      `A secret of kind postgres needs a first version that says where its login lives. Put one with host, port, dbname, username and any password (its logins: ${target.logins?.join(", ") ?? "one"}), then rotate.`,
    );
  }
  return mapSecret(current, (material): Material => {
    const other = target.logins?.find((login) => login !== material.username);
    const username = target.strategy === "alternating" && other !== undefined ? other : material.username;
    return { ...material, username, password: passwordFor(target, deps.random) };
  });
};

/** A PostgreSQL login: one, or two that take turns under an owner role. Nothing of it runs as a superuser. */
export default defineRotator({
  kind: "postgres",
  title: "PostgreSQL login (RDS, Aurora or your own), single or two alternating",
  target: Target,
  material: Material,
  facts: {
    sessions: "all of the login",
    window: "none with two logins; with one, until the workload reads the secret again",
    testedAgainst: "PostgreSQL 18.4, and 15 where it is installed",
  },
  strategies: ["alternate", "single"],
  restores: true,
  scopes: ["read-only"],
  pureIssue: true,
  strategy: ({ strategy }) => (strategy === "alternating" ? "alternate" : "single"),
  identity: (target, material) => identityOf(target, material),
  // Reading the admin secret is granted by the platform, which knows it from the tag.
  grants: [],
  example: {
    tags: { admin: "orders-db-admin", strategy: "alternating", logins: "orders_a orders_b", owner: "orders_owner" },
    material: {
      engine: "postgres",
      host: "orders.cluster-abc.eu-central-1.rds.amazonaws.com",
      port: 5432,
      dbname: "orders",
      username: "orders_a",
      password: "example-only",
      dbClusterIdentifier: "orders",
    },
  },
  identifiers: (target, material) => identifiersOf(target, material),
  connect: (deps) => {
    // Begun while the caller reads secrets; who needs the driver awaits it and hears of a failure there.
    driver().catch(() => undefined);
    return {
      issue: async (request) => issue(deps, request),
      install: (request) => install(deps, request),
      verify,
      revoke: (request) => revoke(deps, request),
      restore: (request) => restore(deps, request),
      // Nobody asks these in an incident.
      scope: async (request) => (await import("./postgres/rescope.ts")).scope(deps, request),
      rescope: async (request) =>
        (await import("./postgres/rescope.ts")).rescope(
          deps,
          request,
          loginOf(request.target, request.material.reveal()),
        ),
      widen: async (request) => (await import("./postgres/rescope.ts")).widen(deps, request),
      uses: async (request) => (await import("./postgres/uses.ts")).uses(deps, request),
      inspect: async (request) => (await import("./postgres/inspect.ts")).inspect(deps, request),
    };
  },
});
