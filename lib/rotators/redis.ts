import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { identifiersOf, identityOf, Material, Target } from "./redis/target.ts";

/** An ACL user of Redis or Valkey, on one server or many: two passwords of one user overlap, or two users take turns. */
export default defineRotator({
  kind: "redis",
  title: "ACL user of Redis 6 or later or Valkey that you run, by two passwords or two users in turn",
  notes: [
    "Users are kept by each server for itself. Name every other server, replicas too, in rekey:nodes as host:port, separated by spaces: each is changed, and only what all of them refuse is called dead.",
    "Rekey's own user, in the secret that rekey:admin names, needs: +acl|setuser +acl|getuser +acl|save +acl|log +config|rewrite +client|list +client|kill +time +multi +exec, and no keys. Whoever may change users may give itself any right, so guard it as an administrator.",
    "With two passwords of one user a server does not tell which of them opened a session: a revoke ends them all, and the workload connects again with the current version. With two users (rekey:strategy=alternating, rekey:logins) only those of the dead one end.",
    "A password that is neither the current nor the next version's is removed by the next rotation: one user belongs to one secret. The user default is refused.",
    "Changes are kept over a restart by ACL SAVE, or CONFIG REWRITE where there is no ACL file (with whatever CONFIG SET has changed). Where neither can be, that is an error, unless rekey:persist=none says that it is meant.",
    "Not for ElastiCache and MemoryDB: their users are kept by AWS's own API (ModifyUser).",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "all of the user",
    window: "none",
    testedAgainst: "Redis 7.0.15: one server, three apart, a cluster, TLS",
  },
  strategies: ["overlap", "alternate"],
  restores: true,
  scopes: ["read-only"],
  strategy: ({ strategy }) => (strategy === "alternating" ? "alternate" : "overlap"),
  identity: identityOf,
  // Reading the admin secret is granted by the platform, which knows it from the tag.
  grants: [],
  example: {
    tags: { admin: "cache-admin", nodes: "cache-2.internal:6379 cache-3.internal:6379", probe: "GET health" },
    material: {
      engine: "redis",
      host: "cache-1.internal",
      port: 6379,
      username: "orders",
      password: "example-only",
    },
  },
  identifiers: identifiersOf,
  connect: (deps) =>
    lazily(["restore", "scope", "rescope", "widen", "uses", "inspect"], async () =>
      (await import("./redis/verbs.ts")).verbs(deps),
    ),
});
