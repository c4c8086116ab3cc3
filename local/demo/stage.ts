import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import pg from "pg";
import { provision } from "../../lib/rotators/postgres/provision.ts";
import { scramVerifier } from "../../lib/rotators/postgres/scram.ts";
import { type LocalAws, startAws } from "../aws.ts";
import { deploy } from "../deploy.ts";
import { startPostgres } from "../postgres.ts";
import { root } from "../process.ts";
import type { Report } from "./report.ts";

export type Database = Awaited<ReturnType<typeof startPostgres>>;

/** What a PostgreSQL server lets a login take (its default is a minute): the hold is as long. Here seconds, for a demo. */
const AUTHENTICATION_TIMEOUT = "10s";
export const INSTANCE = "demo-db";
export const DATABASE = "app";
const MAJOR = 18;

const random = (bytes: number) => randomBytes(bytes);
const newPassword = () => randomBytes(24).toString("base64url");

/** Roles as an administrator prepares them once; no workload password is known to anybody yet. */
const prepare = async (database: Database, rotatorPassword: string): Promise<void> => {
  const at = { host: database.host, port: database.port, user: database.user, password: database.password };
  const first = new pg.Client({ ...at, database: "postgres" });
  await first.connect();
  const rotator = { name: "rekey_rotator", verifier: await scramVerifier(rotatorPassword, random) };
  const logins = [{ name: "orders_a" }, { name: "orders_b" }];
  const statements = [
    ...provision({ major: MAJOR, owner: "orders_owner", reader: "orders_reader", logins, rotator }),
    "CREATE ROLE billing LOGIN PASSWORD NULL",
    "GRANT billing TO rekey_rotator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
    `CREATE DATABASE ${DATABASE}`,
  ];
  for (const statement of statements) await first.query(statement);
  await first.end();
};

const fillAdminSecret = async (aws: LocalAws, database: Database, password: string): Promise<void> => {
  const { host, port } = database;
  const value = { engine: "postgres", host, port, dbname: DATABASE, username: "rekey_rotator", password };
  const secrets = new SecretsManagerClient(clientConfig(aws));
  await secrets.send(new PutSecretValueCommand({ SecretId: "demo/admin", SecretString: JSON.stringify(value) }));
};

/** For SDK clients of this process: as the account's administrator. */
export const clientConfig = (aws: LocalAws) => ({
  endpoint: aws.endpoint,
  region: aws.region,
  forcePathStyle: true,
  credentials: {
    accessKeyId: aws.env["AWS_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: aws.env["AWS_SECRET_ACCESS_KEY"] ?? "",
  },
});

const node = join(root, "node_modules", ".bin", "node");
const EXAMPLE = `${node} ${join(root, "examples", "two-workloads", "app.ts")}`;

/**
 * Starts a whole AWS and a database on this machine and deploys Rekey and two workloads, with a verdict for each. What it
 * has started is in `running`, also when it fails.
 */
export const raise = async (report: Report, dir: string, running: { stop: () => Promise<void> }[]) => {
  const say = process.env["REKEY_VERBOSE"] ? report.detail : undefined;
  const chatter = say ? { say } : {};
  const aws = await report.step(
    "local AWS with IAM enforced",
    () => startAws({ dir: join(dir, "aws"), ...chatter }),
    (made) => ({
      endpoint: made.endpoint,
    }),
  );
  running.push(aws);
  const settings = { authentication_timeout: AUTHENTICATION_TIMEOUT };
  const database = await report.step(
    "PostgreSQL",
    () => startPostgres({ dir: join(dir, "postgres"), settings, ...chatter }),
    ({ port }) => ({ port }),
  );
  running.push(database);
  await report.step("cdk bootstrap and deploy of Rekey", () => {
    const config = join(root, "examples", "two-workloads", "rekey.config.mjs");
    const app = `${node} ${join(root, "cdk", "app.ts")}`;
    return deploy({ aws, app, context: { config }, outDir: join(dir, "rekey"), ...chatter });
  });
  await report.step("two workloads with their secrets declared by RotatedSecret", async () => {
    const password = newPassword();
    await prepare(database, password);
    const context = {
      host: database.host,
      port: String(database.port),
      dbname: DATABASE,
      dbInstanceIdentifier: INSTANCE,
      tls: "disable",
    };
    const outDir = join(dir, "workloads");
    await deploy({ aws, app: EXAMPLE, context, outDir, stacks: ["DemoAdmin"], ...chatter });
    await fillAdminSecret(aws, database, password);
    await deploy({ aws, app: EXAMPLE, context, outDir, ...chatter });
  });
  return { aws, database };
};
export type Stage = Awaited<ReturnType<typeof raise>>;

/** Looks again until something is there; throws with what was waited for. */
export const until = async <T>(what: string, look: () => Promise<T | undefined>, withinMs = 30_000): Promise<T> => {
  for (const since = performance.now(); performance.now() - since < withinMs; await sleep(50)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`waited ${withinMs / 1000} s in vain for ${what}`);
};
