import {
  CreateRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { iamPrincipals } from "../../lib/aws/principal-policies.ts";
import { secretPolicies } from "../../lib/aws/secret-policies.ts";
import { quarantineGrants } from "../../lib/core/quarantine-grants.ts";
import type { CredentialId, Identifier } from "../../lib/core/types.ts";
import { realClock } from "../support/clock.ts";
import { clientsAs, clientsGranted } from "../support/granted.ts";

const ACCOUNT = "000000000000";
const policy = (...Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement }, null, 2);

export type Session = { readonly credentials: object; readonly userId: string };

/** IAM enforced: a shared role with a policy of its own, and the quarantine engine under its own grants and no more. */
export const quarantineWorld = async (endpoint: string) => {
  const root = clientsAs(endpoint);
  const iam = root(IAMClient);
  const role = `shared-${crypto.randomUUID().slice(0, 8)}`;
  const trust = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } };
  const AssumeRolePolicyDocument = policy({ ...trust, Action: ["sts:AssumeRole", "sts:TagSession"] });
  await iam.send(new CreateRoleCommand({ RoleName: role, AssumeRolePolicyDocument }));
  const work = policy({
    Effect: "Allow",
    Action: ["sqs:ListQueues", "iam:*", "secretsmanager:GetSecretValue"],
    Resource: "*",
  });
  await iam.send(new PutRolePolicyCommand({ RoleName: role, PolicyName: "work", PolicyDocument: work }));
  const granted = await clientsGranted(endpoint, quarantineGrants({ roles: ["shared-*"], users: ["shared-*"] }));
  const own = async () => {
    const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName: role }));
    const read = async (PolicyName: string) =>
      (await iam.send(new GetRolePolicyCommand({ RoleName: role, PolicyName }))).PolicyDocument;
    return Object.fromEntries(await Promise.all(PolicyNames.map(async (name) => [name, await read(name)] as const)));
  };
  return {
    iam,
    role,
    principal: `iam-role:${ACCOUNT}/${role}` as Identifier,
    arn: `arn:aws:iam::${ACCOUNT}:role/${role}`,
    engine: { policies: iamPrincipals(granted), clock: realClock, refuses: () => undefined },
    /** Resource policies of its secrets, under the rights that the rotate function has to them and no more. */
    secrets: secretPolicies(
      await clientsGranted(endpoint, [
        {
          actions: ["Delete", "Get", "Put"].map((verb) => `secretsmanager:${verb}ResourcePolicy`),
          resources: [`arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:${role}/*`],
        },
      ]),
    ),
    /** Every inline policy, as IAM answers it. */
    own,
    assume: async (session: string, tags: Readonly<Record<string, string>> = {}): Promise<Session> => {
      const command = new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${ACCOUNT}:role/${role}`,
        RoleSessionName: session,
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      });
      const { Credentials, AssumedRoleUser } = await root(STSClient).send(command);
      const { AccessKeyId, SecretAccessKey, SessionToken } = Credentials ?? {};
      const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
      return { credentials, userId: AssumedRoleUser?.AssumedRoleId ?? "" };
    },
    secret: async (name: string): Promise<CredentialId> => {
      const command = new CreateSecretCommand({ Name: `${role}/${name}`, SecretString: "{}" });
      return (await root(SecretsManagerClient).send(command)).ARN as CredentialId;
    },
    /** True if the session may read that secret, false if IAM refuses; anything else is thrown. */
    reads: async ({ credentials }: Session, SecretId: CredentialId | undefined): Promise<boolean> => {
      try {
        await clientsAs(endpoint, credentials)(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId }));
        return true;
      } catch (error) {
        if (error instanceof Error && /AccessDenied/.test(error.name)) return false;
        throw error;
      }
    },
    as: ({ credentials }: Session) => clientsAs(endpoint, credentials),
    /** True if the session may do its work, false if IAM refuses; anything else is thrown. */
    works: async ({ credentials }: Session): Promise<boolean> => {
      try {
        await clientsAs(endpoint, credentials)(SQSClient).send(new ListQueuesCommand({}));
        return true;
      } catch (error) {
        if (error instanceof Error && /AccessDenied/.test(error.name)) return false;
        throw error;
      }
    },
  };
};
export type Local = Awaited<ReturnType<typeof quarantineWorld>>;
