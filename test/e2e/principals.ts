import { EventBridge } from "@aws-sdk/client-eventbridge";
import { IAM } from "@aws-sdk/client-iam";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { STS } from "@aws-sdk/client-sts";
import type { LocalAws } from "../../local/aws.ts";
import { clientConfig } from "../../local/demo/stage.ts";

/** A live session of a role, as a workload has it. */
export type Session = {
  /** As `aws:userid` has it. */
  readonly userId: string;
  readonly subjects: readonly string[];
  readonly reads: (secret: string) => Promise<boolean>;
};

/** Lets this account's administrator assume a role beside whom it trusts already. */
export const trustAlso = async (local: LocalAws, RoleName: string): Promise<void> => {
  const iam = new IAM(clientConfig(local));
  const { Role } = await iam.getRole({ RoleName });
  const trust = JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "{}")) as { Statement: object[] };
  const us = { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${local.account}:root` }, Action: "sts:AssumeRole" };
  const PolicyDocument = JSON.stringify({ ...trust, Statement: [...trust.Statement, us] });
  await iam.updateAssumeRolePolicy({ RoleName, PolicyDocument });
};

export const sessionOf = async (local: LocalAws, role: string, name: string): Promise<Session> => {
  const RoleArn = `arn:aws:iam::${local.account}:role/${role}`;
  const made = await new STS(clientConfig(local)).assumeRole({ RoleArn, RoleSessionName: name });
  const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "", SessionToken } = made.Credentials ?? {};
  const credentials = { accessKeyId, secretAccessKey, ...(SessionToken && { sessionToken: SessionToken }) };
  const secrets = new SecretsManager({ ...clientConfig(local), credentials, maxAttempts: 1 });
  const userId = made.AssumedRoleUser?.AssumedRoleId ?? "";
  const reads = async (SecretId: string) => {
    try {
      await secrets.getSecretValue({ SecretId });
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === "AccessDeniedException") return false;
      throw error;
    }
  };
  return { userId, subjects: [`role-session:${userId}`, `assumed-role:${local.account}/${role}/${name}`], reads };
};

type Told = { readonly id: string; readonly scenario: string; readonly subjects: readonly string[] };

/** Puts a signal of one's own on the bus. */
export const signal = async (local: LocalAws, told: Told): Promise<void> => {
  const detail = { type: "E2E/Session", severity: 95, activityAt: new Date().toISOString(), ...told };
  const entry = { Source: "rekey.signal", DetailType: "Rekey Signal", Detail: JSON.stringify(detail) };
  await new EventBridge(clientConfig(local)).putEvents({ Entries: [entry] });
};
