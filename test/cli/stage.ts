import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { IAM } from "@aws-sdk/client-iam";
import { KMS } from "@aws-sdk/client-kms";
import { Lambda } from "@aws-sdk/client-lambda";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { build } from "esbuild";
import { bundleOptions } from "../../cdk/constructs/bundle.ts";
import { kmsAppendKeys } from "../../lib/aws/append-keys.ts";
import { makeAws } from "../../lib/aws/clients.ts";
import { dynamoLedger } from "../../lib/aws/ledger.ts";
import { names } from "../../lib/core/names.ts";
import type { CredentialId } from "../../lib/core/types.ts";
import { provision } from "../../lib/rotators/postgres/provision.ts";
import { scramVerifier } from "../../lib/rotators/postgres/scram.ts";
import { openCli } from "../../local/demo/ledger.ts";
import { openProbe, policy, zip } from "../local/probe.ts";
import { testServer } from "../support/postgres.ts";

const random = (bytes: number) => randomBytes(bytes);
const ENTRY = "index.mjs";

/** `functions/<entry>.ts` in one file: the emulator takes a zip of one. */
const codeOf = async (entry: string): Promise<Uint8Array> => {
  const out = await mkdtemp(join(tmpdir(), "rekey-bundle-"));
  const options = { ...bundleOptions(entry, out), splitting: false, sourcemap: false as const };
  await build({ ...options, entryPoints: { index: Object.values(options.entryPoints as object)[0] as string } });
  const code = await readFile(join(out, ENTRY));
  await rm(out, { recursive: true, force: true });
  return zip(ENTRY, code);
};

const key = (AttributeName: string) => ({ AttributeName, AttributeType: "S" as const });
const schema = (hash: string, range: string) => [
  { AttributeName: hash, KeyType: "HASH" as const },
  { AttributeName: range, KeyType: "RANGE" as const },
];

/** Rekey's functions and tables beside one database, without the stacks: enough for a person's commands. */
export const openStage = async (port: number) => {
  const [probe, database] = await Promise.all([openProbe(), testServer({ port, settings: { max_connections: "40" } })]);
  const { config, aws } = probe;
  const [iam, lambda, sm, db] = [new IAM(config), new Lambda(config), new SecretsManager(config), new DynamoDB(config)];
  const named = names();

  for (const [TableName, IndexName] of [
    [named.stateTable, "list"],
    [named.ledgerTable, "pending"],
  ] as const) {
    const index = { IndexName, KeySchema: schema("gpk", "gsk"), Projection: { ProjectionType: "ALL" as const } };
    const AttributeDefinitions = ["PK", "SK", "gpk", "gsk"].map(key);
    const common = { AttributeDefinitions, KeySchema: schema("PK", "SK"), BillingMode: "PAY_PER_REQUEST" as const };
    await db.createTable({ TableName, ...common, GlobalSecondaryIndexes: [index] });
  }
  const kms = new KMS(config);
  const { KeyMetadata } = await kms.createKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
  await kms.createAlias({ AliasName: named.appendKeyAlias, TargetKeyId: KeyMetadata?.KeyId });
  const deploy = async (entry: string, FunctionName: string) => {
    const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
    const role = await iam.createRole({
      RoleName: `${FunctionName}-${aws.region}`,
      AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
    });
    const PolicyDocument = policy({ Effect: "Allow", Action: "*", Resource: "*" });
    await iam.putRolePolicy({ RoleName: role.Role?.RoleName, PolicyName: "own", PolicyDocument });
    await lambda.createFunction({
      FunctionName,
      Role: role.Role?.Arn,
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Timeout: 120,
      Code: { ZipFile: await codeOf(entry) },
      Environment: { Variables: { REKEY_PREFIX: "rekey", REKEY_ACCOUNT: aws.account, REKEY_NETWORK: "default" } },
    });
  };
  await deploy("rotate", named.rotate("default"));
  await deploy("discover", named.discover);

  const admin = `admin-${randomBytes(12).toString("hex")}`;
  const rotator = { name: "rekey_rotator", verifier: await scramVerifier(admin, random) };
  const logins = [{ name: "orders_a" }, { name: "orders_b" }];
  for (const one of provision({ major: database.major, owner: "orders_owner", logins, rotator }))
    await database.root.query(one);
  const at = { engine: "postgres", host: database.host, port: database.port, dbname: "postgres" };
  const put = async (Name: string, tags: Readonly<Record<string, string>>, value: object): Promise<CredentialId> => {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const made = await sm.createSecret({ Name, SecretString: JSON.stringify(value), Tags });
    return made.ARN as CredentialId;
  };
  await put("db/admin", { "rekey:network": "default" }, { ...at, username: "rekey_rotator", password: admin });
  const adopt = (name: string, tags: Readonly<Record<string, string>>, value: object) =>
    put(
      name,
      {
        "rekey:kind": "postgres",
        "rekey:network": "default",
        "rekey:admin": "db/admin",
        "rekey:tls": "disable",
        ...tags,
      },
      { ...at, ...value },
    );

  const run = openCli(aws);
  /** With the JSON that it printed. */
  const json = async (...args: readonly string[]) => {
    const { code, output } = await run("--json", ...args);
    const from = output.indexOf("{");
    return { code, output, value: (from < 0 ? {} : JSON.parse(output.slice(from))) as Record<string, unknown> };
  };
  /** A single login of its own, known to the database with a password that works. */
  const single = async (name: string, tags: Readonly<Record<string, string>> = {}) => {
    const password = `first-${randomBytes(12).toString("hex")}`;
    const verifier = await scramVerifier(password, random);
    await database.root.query(`CREATE ROLE ${name} LOGIN PASSWORD '${verifier}'`);
    if (database.major >= 16)
      await database.root.query(`GRANT ${name} TO rekey_rotator WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`);
    return adopt(`db/${name}`, { "rekey:workload": name, ...tags }, { username: name, password });
  };
  return {
    /** As the functions write it. */
    ledger: dynamoLedger({
      aws: makeAws({ ...config }),
      table: named.ledgerTable,
      keys: kmsAppendKeys(makeAws({ ...config }), named.appendKeyAlias),
    }),
    ...{ probe, database, sm, lambda, run, json, adopt, single, names: named },
    current: async (id: string) => JSON.parse((await sm.getSecretValue({ SecretId: id })).SecretString ?? "{}"),
    /** What that function's role was allowed so far, by action. */
    used: async (functionName: string): Promise<readonly string[]> => {
      const pairs = (await (await fetch(`${aws.endpoint}/_rekey/used`)).json()) as readonly (readonly [
        string,
        string,
      ])[];
      return pairs.flatMap(([arn, action]) => (arn.includes(functionName) ? [action] : [])).sort();
    },
    close: async () => {
      await Promise.all([probe.close(), database.stop()]);
    },
  };
};
export type CliStage = Awaited<ReturnType<typeof openStage>>;
