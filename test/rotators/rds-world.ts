import { CreateRoleCommand, DeleteRolePolicyCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import pg from "pg";
import { secret } from "../../lib/core/secret.ts";
import type { Clock, Deps } from "../../lib/core/types.ts";
import { provision } from "../../lib/rotators/postgres/provision.ts";
import { scramVerifier } from "../../lib/rotators/postgres/scram.ts";
import { tokenFor } from "../../lib/rotators/postgres/token.ts";
import type { Material } from "../../lib/rotators/rds-iam-login/target.ts";
import rdsIamLogin from "../../lib/rotators/rds-iam-login.ts";
import { realClock } from "../support/clock.ts";
import { clientsAs, clientsGranted, depsWith } from "../support/granted.ts";
import type { TestServer } from "../support/postgres.ts";
import type { TestRds } from "../support/rds.ts";

const ACCOUNT = "000000000000";
const NETWORK = { "rekey:network": "default" };
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });

let made = 0;

/** A workload's role that may connect as this database user; to be denied and allowed as the test likes. */
const workloadRole = async (endpoint: string, resource: string, login: string) => {
  const root = clientsAs(endpoint);
  const iam = root(IAMClient);
  const RoleName = `orders-${crypto.randomUUID().slice(0, 8)}`;
  const trust = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "sts:AssumeRole" };
  const connects = {
    Action: "rds-db:connect",
    Resource: `arn:aws:rds-db:us-east-1:${ACCOUNT}:dbuser:${resource}/${login}`,
  };
  const put = (PolicyName: string, Effect: string) =>
    iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: policy({ Effect, ...connects }) }));
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: policy(trust) }));
  await put("connect", "Allow");
  const RoleArn = `arn:aws:iam::${ACCOUNT}:role/${RoleName}`;
  const { Credentials } = await root(STSClient).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "task" }));
  return {
    aws: clientsAs(endpoint, {
      accessKeyId: Credentials?.AccessKeyId,
      secretAccessKey: Credentials?.SecretAccessKey,
      sessionToken: Credentials?.SessionToken,
    }),
    name: RoleName,
    deny: () => put("deny", "Deny"),
    allow: () => iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: "deny" })),
  };
};

type Choice = { readonly clock?: Clock; readonly owned?: true; readonly tags?: Readonly<Record<string, string>> };

/** A login of its own behind the stand-in for RDS, its workload's role, and the rotator under its own grants. */
export const rdsWorld = async (server: TestServer, rds: TestRds, endpoint: string, choice: Choice = {}) => {
  const { clock = realClock, owned, tags = {} } = choice;
  const n = ++made;
  const [login, rotatorRole] = [`orders_iam${n}`, `rekey_iam_rot${n}`];
  const [owner, reader] = [`iam_owner${n}`, `iam_reader${n}`];
  const password = Buffer.from(random(18)).toString("base64url");
  const statements = provision({
    major: server.major,
    ...(owned && { owner, reader }),
    logins: [{ name: login }],
    rotator: { name: rotatorRole, verifier: await scramVerifier(password, random) },
  });
  for (const statement of [...statements, `GRANT rds_iam TO ${login}`]) await server.root.query(statement);
  rds.tag(NETWORK);
  const { host, port } = rds;
  const [role, aws] = await Promise.all([
    workloadRole(endpoint, rds.resource, login),
    clientsGranted(endpoint, rdsIamLogin.grants),
  ]);
  const deps: Deps = { ...depsWith(aws, { host, port, username: rotatorRole, password }), clock };
  const target = rdsIamLogin.target.safeParse({
    admin: "rds-admin",
    tlsCa: rds.ca,
    ...(owned && { owner, reader }),
    ...tags,
  }).data;
  if (!target) throw new Error("the tags of the test are wrong");
  const material: Material = {
    engine: "postgres",
    host,
    port,
    dbname: "postgres",
    username: login,
    dbiResourceId: rds.resource,
  };
  const sessions: pg.Client[] = [];
  const token: () => Promise<string> = tokenFor(depsWith(role.aws), { host, port, username: login }, undefined);
  /** As the workload connects, by a token of its own role's. */
  const connect = async (given?: string): Promise<pg.Client> => {
    const client = new pg.Client({
      ...{ host, port, user: login, database: "postgres", ssl: { ca: rds.cert } },
      password: given ?? (await token()),
    });
    client.on("error", () => undefined);
    sessions.push(client);
    await client.connect();
    return client;
  };
  const aliveOn = (client: pg.Client) => () =>
    client.query("SELECT 1").then(
      () => true,
      () => false,
    );
  return {
    rotator: rdsIamLogin,
    deps,
    target,
    current: secret(material),
    login,
    owner,
    rotatorRole,
    role,
    token,
    connect,
    ask: async (sql: string, values: readonly unknown[] = []) => (await server.root.query(sql, [...values])).rows,
    openSession: async () => {
      const client = await connect();
      return { alive: aliveOn(client), query: (sql: string) => client.query(sql) };
    },
    unreachable: () => ({
      deps: { ...depsWith(aws, { host, port: 1, username: rotatorRole, password }), clock },
      material: secret<Material>({ ...material, port: 1 }),
    }),
    stop: async () => {
      await Promise.all(sessions.map((client) => client.end().catch(() => undefined)));
    },
  };
};
