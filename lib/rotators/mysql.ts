import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { identifiersOf, identityOf, Material, Target } from "./mysql/target.ts";

/** A MariaDB or MySQL login: two passwords of one account overlap, or two logins take turns. */
export default defineRotator({
  kind: "mysql",
  title: "MariaDB (10.4 or later) or MySQL (8.0.22 or later) login, by two passwords, two logins in turn, or one",
  notes: [
    "The server tells which of the two it is. On MariaDB Rekey keeps passwords of mysql_native_password, on MySQL of caching_sha2_password.",
    "Rekey's own account, in the secret that rekey:admin names, needs on MariaDB: CREATE USER, PROCESS and CONNECTION ADMIN on *.*, SELECT on mysql.global_priv, performance_schema.threads and performance_schema.session_connect_attrs. On MySQL: CREATE USER, PROCESS and CONNECTION_ADMIN on *.*, SELECT on mysql.user and the same two tables.",
    "Whoever has CREATE USER on MariaDB may change any account's password, the administrator's too, so guard it as an administrator; on MySQL accounts with SYSTEM_USER are out of its reach.",
    "A login is all accounts of that name, whatever their host patterns; rekey:userHost narrows it to one of them.",
    "With two passwords of one account a server does not tell which of them opened a session: a containment ends them all, and the workload connects again with the current version; retiring on schedule ends those from before the replacement. With two logins (rekey:strategy=alternating, rekey:logins) only those of the dead one end.",
    "MariaDB is sent hashes, never clear text; one with a password validation plugin needs strict_password_validation=OFF. MySQL keeps a second password only beside one that comes in clear text: it is sent so, over TLS, and the server's logs show <secret>.",
    "On MySQL a revoke also ends every handshake that is half open at that instant, of any login, because the server does not tell whose they are: such a client connects again.",
    "Each account keeps a mark, on MariaDB a hash that no password has (`*52454B4559…`), on MySQL an attribute `rekey`: it tells sessions from before a change from those after it. docs/explanation/mysql.md.",
    "It can be made read-only where its logins act as a role that only reads (rekey:reader) and that has what writes from another (rekey:owner), which Rekey's account was granted WITH ADMIN OPTION. docs/how-to/narrow-a-credential.md.",
    "The doctor compares logins that take turns where Rekey's account has SELECT on mysql.* as well, which no rotation needs.",
    "On MariaDB set performance_schema=ON: else a session inside another definer's routine is not seen until it returns. Sessions on read replicas are not ended.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "all of the login, half-open handshakes too",
    window: "none; with rekey:strategy=single, until the workload reads the secret again",
    testedAgainst: "MariaDB 10.11 and MySQL 9.7 of Debian",
  },
  strategies: ["overlap", "alternate", "single"],
  restores: true,
  scopes: ["read-only"],
  strategy: ({ strategy }) => (strategy === "alternating" ? "alternate" : strategy),
  identity: identityOf,
  // Reading the admin secret is granted by the platform, which knows it from the tag.
  grants: [],
  example: {
    tags: { admin: "shop-db-admin", probe: "SELECT 1 FROM orders LIMIT 1" },
    material: {
      engine: "mariadb",
      host: "shop.abc.eu-central-1.rds.amazonaws.com",
      port: 3306,
      dbname: "shop",
      username: "shop_app",
      password: "example-only",
      dbInstanceIdentifier: "shop",
    },
  },
  identifiers: identifiersOf,
  connect: (deps) =>
    lazily(["restore", "scope", "rescope", "widen", "uses", "inspect"], async () =>
      (await import("./mysql/verbs.ts")).verbs(deps),
    ),
});
