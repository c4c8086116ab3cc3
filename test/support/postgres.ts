import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { Misconfigured } from "../../lib/core/errors.ts";
import { passwordFor } from "../../lib/core/password.ts";
import { type Secret, secret } from "../../lib/core/secret.ts";
import type { Clock, Deps } from "../../lib/core/types.ts";
import { provision } from "../../lib/rotators/postgres/provision.ts";
import { scramVerifier } from "../../lib/rotators/postgres/scram.ts";
import type { Material, Target } from "../../lib/rotators/postgres/target.ts";
import rotator from "../../lib/rotators/postgres.ts";
import { startPostgres } from "../../local/postgres.ts";
import type { Session, World } from "../contract/rotator.ts";
import { realClock } from "./clock.ts";

const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

type Setup = { readonly port: number; readonly settings?: Readonly<Record<string, string>>; readonly bin?: string };

/** A server of the test's own with a superuser's connection to prepare and judge it by. */
export const testServer = async (setup: Setup) => {
  const server = await startPostgres({ ...setup, dir: await mkdtemp(join(tmpdir(), "rekey-test-")) });
  const root = new pg.Client({ host: server.host, port: server.port, user: server.user, password: server.password });
  await root.connect();
  const { rows } = await root.query("SHOW server_version_num");
  return {
    host: server.host,
    port: server.port,
    major: Math.floor(Number(rows[0].server_version_num) / 10_000),
    root,
    logText: () => readFile(server.log, "utf8"),
    stop: async () => {
      await root.end();
      await server.stop();
    },
  };
};
export type TestServer = Awaited<ReturnType<typeof testServer>>;

let made = 0;

type Names = {
  readonly owner?: string;
  readonly reader?: string;
  readonly a: string;
  readonly b: string;
  readonly rotator: string;
};
export type Arranged = World<Target, Material> & {
  readonly names: Names;
  readonly deps: Deps;
  /** Asks the server, as its superuser. */
  readonly ask: (sql: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;
  /** Replaces what the admin secret holds. */
  readonly setAdmin: (change: Readonly<Record<string, unknown>>) => void;
};
type Choice = {
  readonly strategy?: "alternating" | "single";
  /** With a role that only reads, which a rescope narrows to. */
  readonly reader?: true;
  readonly clock?: Clock;
  readonly names?: Partial<Names>;
  readonly tags?: Readonly<Record<string, string>>;
};

const ADMIN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders-db-admin-AbCdEf";

type OpenSession = Session & { readonly end: () => Promise<void>; readonly query: (sql: string) => Promise<unknown> };

/** Opens a session as that material and asks on it whether it lives. */
export const sessionOf = async (material: Material): Promise<OpenSession> => {
  const { host, port, username, password, dbname } = material;
  const client = new pg.Client({ host, port: Number(port), user: username, password, database: dbname ?? "postgres" });
  client.on("error", () => undefined);
  await client.connect();
  const alive = () =>
    client.query("SELECT 1").then(
      () => true,
      () => false,
    );
  return { alive, query: (sql) => client.query(sql), end: () => client.end().catch(() => undefined) };
};

const namesOf = (n: number, { strategy = "alternating", reader, names }: Choice): Names => ({
  a: `orders_a${n}`,
  b: `orders_b${n}`,
  rotator: `rekey_rot${n}`,
  ...(strategy === "alternating" && { owner: `owner_${n}` }),
  ...(reader && { reader: `reader_${n}` }),
  ...names,
});

/** Logins, owner and a rotator role that is no superuser, made by the statements that users run. */
export const arrangeLogins = async (server: TestServer, choice: Choice = {}): Promise<Arranged> => {
  const { strategy = "alternating", clock = realClock } = choice;
  const n = ++made;
  const names = namesOf(n, choice);
  const { owner } = names;
  const [password, adminPassword] = [passwordFor({}, random), passwordFor({}, random)];
  const logins = strategy === "alternating" ? [names.a, names.b] : [names.a];
  const statements = provision({
    major: server.major,
    ...(names.owner && { owner: names.owner }),
    ...(names.reader && { reader: names.reader }),
    logins: await Promise.all(logins.map(async (name) => ({ name, verifier: await scramVerifier(password, random) }))),
    rotator: { name: names.rotator, verifier: await scramVerifier(adminPassword, random) },
  });
  for (const statement of statements) await server.root.query(statement);
  const { host, port } = server;
  let admin: Readonly<Record<string, unknown>> = { host, port, username: names.rotator, password: adminPassword };
  const deps: Deps = {
    aws: () => {
      throw new Error("a PostgreSQL login needs no AWS");
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
    ...(owner && { owner }),
    ...(names.reader && { reader: names.reader }),
    ...choice.tags,
  };
  const parsed = rotator.target.safeParse(strategy === "single" ? tags : { logins: `${names.a} ${names.b}`, ...tags });
  if (!parsed.success) throw new Error(`the tags of the test are wrong: ${JSON.stringify(tags)}`);
  const current = secret<Material>({ engine: "postgres", host, port, dbname: "postgres", username: names.a, password });
  const sessions: { readonly end: () => Promise<void> }[] = [];
  return {
    rotator,
    deps,
    target: parsed.data,
    current,
    names,
    ask: async (sql, values = []) => (await server.root.query(sql, [...values])).rows,
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
      await Promise.all(sessions.map((session) => session.end()));
    },
  };
};
