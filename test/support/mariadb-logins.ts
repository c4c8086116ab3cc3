import mysql, { type RowDataPacket } from "mysql2/promise";
import { Misconfigured } from "../../lib/core/errors.ts";
import { passwordFor } from "../../lib/core/password.ts";
import { type Secret, secret } from "../../lib/core/secret.ts";
import type { Clock, Deps } from "../../lib/core/types.ts";
import { hashOf } from "../../lib/rotators/mysql/accounts.ts";
import type { Material, Target } from "../../lib/rotators/mysql/target.ts";
import rotator from "../../lib/rotators/mysql.ts";
import type { Session, World } from "../contract/rotator.ts";
import { realClock } from "./clock.ts";
import type { TestMariadb } from "./mariadb.ts";

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
const ADMIN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:shop-db-admin-AbCdEf";

export type OpenSession = Session & {
  readonly id: number;
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>;
  /** Logs in as somebody else over the same connection. */
  readonly changeTo: (user: string, password: string) => Promise<void>;
  readonly end: () => void;
};

/** Opens a session as that material and asks on it whether it lives. */
export const sessionOf = async ({ host, port, username, password, dbname }: Material): Promise<OpenSession> => {
  const connection = await mysql.createConnection({
    host,
    port: Number(port),
    user: username,
    password,
    ...(dbname !== undefined && { database: dbname }),
    connectAttributes: { program_name: "shop" },
  });
  connection.on("error", () => undefined);
  return {
    id: connection.threadId,
    alive: () =>
      connection.query("SELECT 1").then(
        () => true,
        () => false,
      ),
    query: async (sql) => {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return rows;
    },
    changeTo: (user, password) => connection.changeUser({ user, password }),
    end: () => connection.destroy(),
  };
};

/** The same for MySQL. */
const rightsOnMysql = (user: string): readonly string[] =>
  rightsOf(user).map((right) =>
    right.replace("CONNECTION ADMIN", "CONNECTION_ADMIN").replace("mysql.global_priv", "mysql.user"),
  );

/** MySQL stores salted hashes, so its judge makes accounts by clear text. */
const identified = ({ kind }: TestMariadb, password: string): string =>
  kind === "MySQL" ? `BY '${password}'` : `BY PASSWORD '${hashOf(password)}'`;

/** What the reference says that the rotator's account needs. */
export const rightsOf = (user: string): readonly string[] => [
  `GRANT CREATE USER, PROCESS, CONNECTION ADMIN ON *.* TO ${user}@'%'`,
  `GRANT SELECT ON mysql.global_priv TO ${user}@'%'`,
  `GRANT SELECT ON performance_schema.threads TO ${user}@'%'`,
  `GRANT SELECT ON performance_schema.session_connect_attrs TO ${user}@'%'`,
];

export type Choice = {
  readonly strategy?: "overlap" | "alternating" | "single";
  readonly clock?: Clock;
  readonly tags?: Readonly<Record<string, string>>;
  /** Host patterns of each login's accounts. */
  readonly hosts?: readonly string[];
  readonly rights?: (user: string) => readonly string[];
};
export type Arranged = World<Target, Material> & {
  readonly names: { readonly a: string; readonly b: string; readonly rotator: string };
  /** Replaces what the admin secret holds. */
  readonly setAdmin: (change: Readonly<Record<string, unknown>>) => void;
};

let made = 0;

const depsOf = (clock: Clock, admin: () => Readonly<Record<string, unknown>>): Deps => ({
  aws: () => {
    throw new Error("a MariaDB login needs no AWS");
  },
  clock,
  random,
  readAdmin: async (id) => {
    if (id === ADMIN) return secret({ ...admin() });
    throw new Misconfigured(`There is no admin secret ${id}.`);
  },
});

/** Logins that may do nothing but log in, and a rotator's account that is no administrator. */
export const arrangeLogins = async (server: TestMariadb, choice: Choice = {}): Promise<Arranged> => {
  const { strategy = "overlap", clock = realClock, hosts = ["%"] } = choice;
  const { rights = server.kind === "MySQL" ? rightsOnMysql : rightsOf } = choice;
  const n = ++made;
  const names = { a: `shop_a${n}`, b: `shop_b${n}`, rotator: `rekey_rot${n}` };
  const [password, adminPassword] = [passwordFor({}, random), passwordFor({}, random)];
  for (const login of strategy === "alternating" ? [names.a, names.b] : [names.a]) {
    for (const host of hosts) {
      await server.ask(`CREATE USER ${login}@'${host}' IDENTIFIED ${identified(server, password)}`);
    }
  }
  await server.ask(`CREATE USER ${names.rotator}@'%' IDENTIFIED ${identified(server, adminPassword)}`);
  for (const right of rights(names.rotator)) await server.ask(right);
  const { host, port } = server;
  let admin: Readonly<Record<string, unknown>> = { host, port, username: names.rotator, password: adminPassword };
  const tags = {
    admin: ADMIN,
    strategy,
    tls: "disable",
    ...(strategy === "alternating" && { logins: `${names.a} ${names.b}` }),
    ...choice.tags,
  };
  const parsed = rotator.target.safeParse(tags);
  if (!parsed.success) throw new Error(`the tags of the test are wrong: ${JSON.stringify(tags)}`);
  const current = secret<Material>({ engine: "mariadb", host, port, username: names.a, password });
  const sessions: OpenSession[] = [];
  return {
    rotator,
    deps: depsOf(clock, () => admin),
    target: parsed.data,
    current,
    names,
    sharesSessions: strategy === "overlap",
    setAdmin: (change) => {
      admin = { ...admin, ...change };
    },
    openSession: async (material) => {
      const session = await sessionOf(material);
      sessions.push(session);
      return session;
    },
    unreachable: (material: Secret<Material>) => {
      admin = { ...admin, port: 1 };
      return { material: secret({ ...material.reveal(), port: 1 }) };
    },
    stop: async () => {
      for (const session of sessions) session.end();
    },
  };
};
