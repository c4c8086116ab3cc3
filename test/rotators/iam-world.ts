import {
  CreateAccessKeyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  ListAccessKeysCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand,
} from "@aws-sdk/client-iam";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, GetFederationTokenCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { type Secret, secret } from "../../lib/core/secret.ts";
import type { Aws, Deps, Grant } from "../../lib/core/types.ts";
import iamAccessKey from "../../lib/rotators/iam-access-key.ts";
import { realClock } from "../support/clock.ts";

export type Pair = { readonly accessKeyId: string; readonly secretAccessKey: string };
export type Temporary = Pair & { readonly sessionToken: string };

const ACCOUNT = "000000000000";
const ROOT: Pair = { accessKeyId: "test", secretAccessKey: "test" };
/** What the workload may do, as long as it may do anything. */
const ALLOWED = "sqs:ListQueues";

const policy = (statement: object) => JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
const FILLED: Readonly<Record<string, string>> = { account: ACCOUNT, partition: "aws", region: "us-east-1" };
const filled = (text: string) => text.replaceAll(/\$\{(\w+)\}/g, (_, name) => FILLED[name] ?? "");

const statement = ({ actions, resources, conditions }: Grant) => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources.map(filled),
  ...(conditions && { Condition: conditions }),
});

const pairOf = (made: { AccessKeyId?: string | undefined; SecretAccessKey?: string | undefined } | undefined): Pair => {
  if (!made?.AccessKeyId || !made.SecretAccessKey) throw new Error("AWS gave no key");
  return { accessKeyId: made.AccessKeyId, secretAccessKey: made.SecretAccessKey };
};

type Make = <C>(Client: new (config: object) => C, credentials: object, config?: object) => C;
const clients =
  (endpoint: string): Make =>
  (Client, credentials, config) =>
    new Client({ endpoint, region: "us-east-1", maxAttempts: 1, credentials, ...config });

/** AWS as its administrator, and deps that act under a role which has these grants and nothing else. */
export const enforcedWorld = async (endpoint: string, grants: readonly Grant[]) => {
  const client = clients(endpoint);
  const root = client(IAMClient, ROOT);
  const role = await assumedRole(root, client(STSClient, ROOT), grants);
  const aws: Aws = (Client, config) => client(Client, role, config);
  const deps: Deps = {
    aws,
    clock: realClock,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    readAdmin: () => Promise.reject(new Error("this kind needs no admin")),
  };
  return {
    root,
    deps,
    client,
    /** A client of the administrator's. */
    admin: <C>(Client: new (config: object) => C) => client(Client, ROOT),
    /** The same role at another address. */
    aimedAt: (elsewhere: string): Deps => ({
      ...deps,
      aws: (Client, config) => aws(Client, { ...config, endpoint: elsewhere }),
    }),
  };
};

/** A new IAM user that may do just this. */
export const newUser = async (
  root: IAMClient,
  allowed: readonly string[],
  { path = "/rekey/", tags = {} as Readonly<Record<string, string>> } = {},
): Promise<string> => {
  const user = `u-${crypto.randomUUID().slice(0, 8)}`;
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await root.send(new CreateUserCommand({ UserName: user, Path: path, Tags }));
  const PolicyDocument = policy({ Effect: "Allow", Action: allowed, Resource: "*" });
  await root.send(new PutUserPolicyCommand({ UserName: user, PolicyName: "work", PolicyDocument }));
  return user;
};

/** AWS with a user of Rekey's, and the rotator under a role that has the rotator's own grants and nothing else. */
export const iamWorld = async (endpoint: string, options: { path?: string; tags?: Record<string, string> } = {}) => {
  const { root, deps, client, aimedAt } = await enforcedWorld(endpoint, iamAccessKey.grants);
  const user = await newUser(root, [ALLOWED, "sts:*"], options);
  const newKey = async () => pairOf((await root.send(new CreateAccessKeyCommand({ UserName: user }))).AccessKey);
  return {
    user,
    root,
    deps,
    aimedAt,
    newKey,
    verbs: iamAccessKey.connect(deps),
    target: { user },
    material: (pair: Pair): Secret<Pair & { readonly userName: string }> => secret({ ...pair, userName: user }),
    keys: async () => {
      const { AccessKeyMetadata = [] } = await root.send(new ListAccessKeysCommand({ UserName: user }));
      return Object.fromEntries(AccessKeyMetadata.map(({ AccessKeyId, Status }) => [AccessKeyId, Status]));
    },
    deactivate: (id: string) =>
      root.send(new UpdateAccessKeyCommand({ UserName: user, AccessKeyId: id, Status: "Inactive" })),
    sessionOf: async (pair: Pair): Promise<Temporary> => {
      const { Credentials } = await client(STSClient, pair).send(new GetSessionTokenCommand({}));
      return { ...pairOf(Credentials), sessionToken: Credentials?.SessionToken ?? "" };
    },
    federationOf: async (pair: Pair): Promise<Temporary> => {
      const { Credentials } = await client(STSClient, pair).send(
        new GetFederationTokenCommand({
          Name: "partner",
          Policy: policy({ Effect: "Allow", Action: ALLOWED, Resource: "*" }),
        }),
      );
      return { ...pairOf(Credentials), sessionToken: Credentials?.SessionToken ?? "" };
    },
    /** True if these credentials may do the workload's work, false if AWS refuses. */
    works: async (credentials: Pair | Temporary): Promise<boolean> => {
      try {
        await client(SQSClient, credentials).send(new ListQueuesCommand({}));
        return true;
      } catch (error) {
        if (error instanceof Error && /denied|invalid|token/i.test(`${error.name} ${error.message}`)) return false;
        throw error;
      }
    },
  };
};
export type IamWorld = Awaited<ReturnType<typeof iamWorld>>;

const assumedRole = async (root: IAMClient, sts: STSClient, grants: readonly Grant[]): Promise<Temporary> => {
  const name = `rotate-${crypto.randomUUID().slice(0, 8)}`;
  const trust = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "sts:AssumeRole" };
  await root.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: policy(trust) }));
  const document = JSON.stringify({ Version: "2012-10-17", Statement: grants.map(statement) });
  await root.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: "grants", PolicyDocument: document }));
  const RoleArn = `arn:aws:iam::${ACCOUNT}:role/${name}`;
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "test" }));
  return { ...pairOf(Credentials), sessionToken: Credentials?.SessionToken ?? "" };
};
