import { Misconfigured } from "../../lib/core/errors.ts";
import { passwordFor } from "../../lib/core/password.ts";
import { type Secret, secret } from "../../lib/core/secret.ts";
import type { Clock, Deps, RotatorVerbs } from "../../lib/core/types.ts";
import { RIGHTS } from "../../lib/rotators/redis/failure.ts";
import type { Material, Target } from "../../lib/rotators/redis/target.ts";
import { hashOf } from "../../lib/rotators/redis/users.ts";
import rotator from "../../lib/rotators/redis.ts";
import type { World } from "../contract/rotator.ts";
import { realClock } from "./clock.ts";
import type { RedisServer } from "./redis-server.ts";
import { type Wire, wire } from "./redis-wire.ts";

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

type Verbs = RotatorVerbs<Target, Material>;
/** With the optional ones that this kind has. */
type All = Verbs & Required<Pick<Verbs, "restore" | "scope" | "rescope" | "widen" | "uses" | "inspect">>;

let made = 0;
const ADMIN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:cache-admin-AbCdEf";

type Choice = {
  readonly strategy?: "overlap" | "alternating";
  readonly clock?: Clock;
  readonly tags?: Readonly<Record<string, string>>;
  /** Of the workload's users, as ACL SETUSER takes them. */
  readonly rules?: readonly string[];
  readonly rights?: string;
};

/** What a workload's user is given in the tests: commands on keys, nothing that administers. */
const RULES = ["~*", "&*", "+@all", "-@admin", "-@dangerous"];

/** Logs in over a bare connection; throws what the server answered when it did not let in. */
export const loggedIn = async ({ port, username, password }: Material): Promise<Wire> => {
  const one = await wire(Number(port));
  const said = await one.ask(`AUTH ${username} ${password}`);
  if (said !== "+OK") throw new Error(said);
  return one;
};

/** Users of a workload and of Rekey on every server, made by the statements that the documentation gives. */
export const arrangeUsers = async (servers: readonly RedisServer[], choice: Choice = {}) => {
  const { strategy = "overlap", clock = realClock, rules = RULES, rights = RIGHTS } = choice;
  const n = ++made;
  const names = { a: `orders_a${n}`, b: `orders_b${n}`, rotator: `rekey_rot${n}` };
  const [password, adminPassword] = [passwordFor({}, random), passwordFor({}, random)];
  for (const server of servers) {
    for (const name of [names.a, names.b])
      await server.ask("ACL", "SETUSER", name, "on", `#${hashOf(password)}`, ...rules);
    await server.ask("ACL", "SETUSER", names.rotator, "on", `#${hashOf(adminPassword)}`, ...rights.split(" "));
  }
  const [first, ...others] = servers;
  if (!first) throw new Error("a test needs a server");
  const { host, port } = first;
  let admin: Readonly<Record<string, unknown>> = { host, port, username: names.rotator, password: adminPassword };
  const deps: Deps = {
    aws: () => {
      throw new Error("a Redis user needs no AWS");
    },
    clock,
    random,
    readAdmin: async (id) => {
      if (id === ADMIN) return secret({ ...admin });
      throw new Misconfigured(`There is no admin secret ${id}.`);
    },
  };
  const tags = {
    admin: ADMIN,
    strategy,
    tls: "disable",
    ...(strategy === "alternating" && { logins: `${names.a} ${names.b}` }),
    ...(others.length > 0 && { nodes: others.map((one) => `${one.host}:${one.port}`).join(" ") }),
    ...choice.tags,
  };
  const parsed = rotator.target.safeParse(tags);
  if (!parsed.success) throw new Error(`the tags of the test are wrong: ${JSON.stringify(tags)}`);
  const current = secret<Material>({ engine: "redis", host, port, username: names.a, password });
  const sessions: Wire[] = [];
  const verbs = rotator.connect(deps) as All;
  const attempt = { target: parsed.data, signal: AbortSignal.timeout(30_000) };
  const world: World<Target, Material> = {
    rotator,
    deps,
    target: parsed.data,
    current,
    sharesSessions: strategy === "overlap",
    // Whole seconds, and the server's cached clock is up to a tenth behind.
    tellsWithinMs: 1_150,
    openSession: async (material) => {
      const one = await loggedIn(material);
      sessions.push(one);
      return { alive: async () => (await one.ask("PING")) === "+PONG" };
    },
    unreachable: (material) => {
      admin = { ...admin, port: 1 };
      return { material: secret({ ...material.reveal(), port: 1 }) };
    },
    stop: async () => {
      for (const one of sessions) one.drop();
    },
  };
  return {
    ...world,
    names,
    verbs,
    /** The tiresome half of each request filled in. */
    rotate: async (from: Secret<Material> = current): Promise<Secret<Material>> => {
      const next = await verbs.issue({ ...attempt, current: from, previous: undefined });
      await verbs.install({ ...attempt, next, current: from });
      return next;
    },
    revoke: (material: Secret<Material>, keep: readonly Secret<Material>[] = []) =>
      verbs.revoke({ ...attempt, material, keep }),
    verify: (material: Secret<Material>) => verbs.verify({ ...attempt, material }),
    /** Replaces what the admin secret holds. */
    setAdmin: (change: Readonly<Record<string, unknown>>) => {
      admin = { ...admin, ...change };
    },
  };
};
export type ArrangedUsers = Awaited<ReturnType<typeof arrangeUsers>>;
