import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { secret } from "../../lib/core/secret.ts";
import type { Aws, Deps, Grant } from "../../lib/core/types.ts";
import { realClock } from "./clock.ts";

const ACCOUNT = "000000000000";
const ROOT = { accessKeyId: ACCOUNT, secretAccessKey: "test" };
const SETTING: Readonly<Record<string, string>> = {
  account: ACCOUNT,
  region: "us-east-1",
  partition: "aws",
  prefix: "rekey",
  network: "default",
};
const filled = (text: string) => text.replaceAll(/\$\{(\w+)\}/g, (whole, name) => SETTING[name] ?? whole);

const statement = ({ actions, resources, conditions }: Grant) => ({
  Effect: "Allow",
  Action: actions,
  Resource: resources.map(filled),
  ...(conditions && { Condition: JSON.parse(filled(JSON.stringify(conditions))) }),
});

/** Clients with fixed credentials; one attempt each, so that a test hears of every failure. */
export const clientsAs =
  (endpoint: string, credentials: object = ROOT): Aws =>
  (Client, config = {}) =>
    new Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials, ...config, maxAttempts: 1 });

/** Clients under a new role that has these grants and nothing else. */
export const clientsGranted = async (endpoint: string, grants: readonly Grant[]): Promise<Aws> => {
  const asRoot = clientsAs(endpoint);
  const iam = asRoot(IAMClient);
  const RoleName = `rotate-${crypto.randomUUID().slice(0, 8)}`;
  const trust = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "sts:AssumeRole" };
  const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: policy(trust) }));
  await iam.send(
    new PutRolePolicyCommand({ RoleName, PolicyName: "grants", PolicyDocument: policy(...grants.map(statement)) }),
  );
  const RoleArn = `arn:aws:iam::${ACCOUNT}:role/${RoleName}`;
  const { Credentials } = await asRoot(STSClient).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "test" }));
  return clientsAs(endpoint, {
    accessKeyId: Credentials?.AccessKeyId,
    secretAccessKey: Credentials?.SecretAccessKey,
    sessionToken: Credentials?.SessionToken,
  });
};

/** What a rotator gets, with these clients; `admin` is the one admin secret there is. */
export const depsWith = (aws: Aws, admin: unknown = {}): Deps => ({
  aws,
  clock: realClock,
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  readAdmin: async () => secret(admin),
});
