import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DisableRuleCommand, EventBridgeClient, ListRuleNamesByTargetCommand } from "@aws-sdk/client-eventbridge";
import { LambdaClient, ListEventSourceMappingsCommand, UpdateEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import pg from "pg";
import { makeAws } from "../lib/aws/clients.ts";
import { names } from "../lib/core/names.ts";
import { passwordFor } from "../lib/core/password.ts";
import type { CredentialId } from "../lib/core/types.ts";
import { provision } from "../lib/rotators/postgres/provision.ts";
import { scramVerifier } from "../lib/rotators/postgres/scram.ts";
import type { Material } from "../lib/rotators/postgres/target.ts";
import { startAws } from "../local/aws.ts";
import { clientConfig } from "../local/demo/stage.ts";
import { deploy } from "../local/deploy.ts";
import { startPostgres } from "../local/postgres.ts";
import { root } from "../local/process.ts";

const DIR = join(root, ".rekey", "bench");
const AWS_PORT = 4700;
const POSTGRES_PORT = 4710;
const MAJOR = 18;
const ROTATOR = "rekey_rotator";
const ADMIN = "bench/admin";

const random = (bytes: number) => randomBytes(bytes);
const tagged = (tags: Readonly<Record<string, string>>) =>
  Object.entries(tags).map(([key, Value]) => ({ Key: `rekey:${key}`, Value }));

/** A credential of the bench: two logins that take turns under an owner, and the secret that holds the current one. */
export type BenchCredential = { readonly id: CredentialId; readonly name: string; readonly first: Material };

const NODE = join(root, "node_modules", ".bin", "node");

const start = async () => {
  const aws = await startAws({ dir: join(DIR, "aws"), port: AWS_PORT });
  try {
    const settings = { fsync: "on", log_connections: "on" };
    const database = await startPostgres({ dir: join(DIR, "postgres"), port: POSTGRES_PORT, settings });
    const stop = () => Promise.all([aws.stop(), database.stop()]);
    const config = join(DIR, "rekey.config.mjs");
    await writeFile(config, `export default ${JSON.stringify({ quarantine: { roles: ["bench-*"], users: [] } })};`);
    const app = `${NODE} ${join(root, "cdk", "app.ts")}`;
    await deploy({ aws, app, context: { config }, outDir: join(DIR, "rekey") }).catch(async (error) => {
      await stop();
      throw error;
    });
    return { aws, database, stop };
  } catch (error) {
    await aws.stop();
    throw error;
  }
};

/** Two logins with the same password under an owner, all of them the rotator's to change. */
const statements = (name: string, verifier: string): string => {
  const owner = `${name}_owner`;
  const logins = [`${name}_a`, `${name}_b`];
  return [
    `CREATE ROLE ${owner} NOLOGIN`,
    ...logins.map((login) => `CREATE ROLE ${login} LOGIN PASSWORD '${verifier}' IN ROLE ${owner}`),
    ...logins.map((login) => `ALTER ROLE ${login} SET role = '${owner}'`),
    `GRANT ${logins.join(", ")} TO ${ROTATOR} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`,
  ].join(";");
};

const makeRotator = async (superuser: pg.Client): Promise<string> => {
  const password = passwordFor({}, random);
  const rotator = { name: ROTATOR, verifier: await scramVerifier(password, random) };
  await superuser.query(provision({ major: MAJOR, logins: [{ name: "unused" }], rotator }).join(";"));
  return password;
};

/**
 * Switches off discovery and sealing, which follow every rotation and every event: on AWS they run on other machines,
 * here they would take the two cores from what is measured.
 */
const silence = async ({ clients, aws }: Pick<Stage, "clients" | "aws">): Promise<void> => {
  const functionArn = (name: string) => `arn:aws:lambda:${aws.region}:${aws.account}:function:${name}`;
  const [events, lambda] = [clients(EventBridgeClient), clients(LambdaClient)];
  const TargetArn = functionArn(names().discover);
  const { RuleNames = [] } = await events.send(new ListRuleNamesByTargetCommand({ TargetArn }));
  for (const Name of RuleNames) await events.send(new DisableRuleCommand({ Name }));
  const FunctionName = names().seal;
  const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
  for (const { UUID } of EventSourceMappings)
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
  if (RuleNames.length * EventSourceMappings.length === 0)
    throw new Error("the deployed Rekey has no rule for discovery or no source for sealing: the bench expects both");
};

/**
 * A whole Rekey, deployed to a local AWS with IAM enforced, and a durable PostgreSQL 18, on ports 4700 and 4710 of
 * loopback. Takes about half a minute; `stop` ends both.
 */
export const openStage = async () => {
  const { aws, database, stop } = await start();
  const { host, port, user, password } = database;
  const superuser = new pg.Client({ host, port, user, password });
  await superuser.connect();
  const clients = makeAws(clientConfig(aws));
  await silence({ clients, aws });
  const secrets = clients(SecretsManagerClient);
  const at = { engine: "postgres", host, port, dbname: "postgres" } as const;
  const create = async (name: string, value: object, tags: Readonly<Record<string, string>>) => {
    const SecretString = JSON.stringify(value);
    const made = await secrets.send(new CreateSecretCommand({ Name: name, SecretString, Tags: tagged(tags) }));
    return made.ARN as CredentialId;
  };
  const admin: Material = { ...at, username: ROTATOR, password: await makeRotator(superuser) };
  await create(ADMIN, admin, { network: "default" });
  const credential = async (name: string, adminSecret = ADMIN): Promise<BenchCredential> => {
    if (adminSecret !== ADMIN) await create(adminSecret, admin, { network: "default" });
    const first: Material = { ...at, username: `${name}_a`, password: passwordFor({}, random) };
    await superuser.query(statements(name, await scramVerifier(first.password, random)));
    const logins = `${name}_a ${name}_b`;
    const target = { admin: adminSecret, strategy: "alternating", logins, owner: `${name}_owner`, tls: "disable" };
    const tags = { kind: "postgres", network: "default", workload: `bench-${name}`, ...target };
    return { id: await create(`bench/${name}`, first, tags), name, first };
  };
  return {
    aws,
    clients,
    secrets,
    at,
    admin,
    credential,
    /** Makes a secret with these tags, each under `rekey:`. */
    secret: create,
    /** Connections that the server has noted in its log so far. */
    connectionsSeen: async () => (await readFile(database.log, "utf8")).split("connection received:").length - 1,
    stop: async () => {
      await superuser.end();
      await stop();
    },
  };
};
export type Stage = Awaited<ReturnType<typeof openStage>>;

/** One statement on a connection of its own: the floor of whatever has to reach a database. */
export const oneStatement = async ({ host, port, username, password }: Material, sql = "SELECT 1"): Promise<void> => {
  const client = new pg.Client({ host, port: Number(port), user: username, password, database: "postgres" });
  await client.connect();
  await client.query(sql);
  await client.end();
};
