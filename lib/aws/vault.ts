import {
  DescribeSecretCommand,
  type DescribeSecretCommandOutput,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { Misconfigured } from "../core/errors.ts";
import { type Secret, secret } from "../core/secret.ts";
import type { Aws, CredentialId, Stage, VersionId } from "../core/types.ts";
import type { At, Held, Vault, VaultEntry } from "../core/vault.ts";
import { instantAt } from "./clock.ts";

const LABEL = { current: "AWSCURRENT", pending: "AWSPENDING", previous: "AWSPREVIOUS" } as const;
const STAGES: readonly Stage[] = ["current", "pending", "previous"];

const missing = (id: string) =>
  new Misconfigured(
    `There is no secret ${id}, or this network's role may not use it. Check its name, and that it has tag rekey:network.`,
  );

const labels = (versions: Record<string, string[]> = {}): VaultEntry["labels"] =>
  Object.fromEntries(
    STAGES.flatMap((stage) => {
      const holder = Object.keys(versions).find((id) => versions[id]?.includes(LABEL[stage]));
      return holder ? [[stage, holder as VersionId]] : [];
    }),
  );

const asEntry = (id: CredentialId, out: DescribeSecretCommandOutput): VaultEntry => {
  const rules = out.RotationRules;
  const schedule =
    rules?.ScheduleExpression ?? (rules?.AutomaticallyAfterDays && `rate(${rules.AutomaticallyAfterDays} days)`);
  return {
    id: (out.ARN ?? id) as CredentialId,
    name: out.Name ?? id,
    tags: Object.fromEntries((out.Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""])),
    labels: labels(out.VersionIdsToStages),
    ...(out.ReplicationStatus?.length && {
      replicas: out.ReplicationStatus.map(({ Region = "", Status = "" }) => ({ region: Region, state: Status })),
    }),
    ...(schedule && { schedule }),
    ...(out.LastRotatedDate && { rotatedAt: instantAt(out.LastRotatedDate.getTime()) }),
  };
};

const json = (id: string, version: string, text: string | undefined): unknown => {
  try {
    return JSON.parse(text ?? "");
  } catch {
    // The parser's own message quotes the text.
    throw new Misconfigured(`Secret ${id}, version ${version}, is not JSON. Put a JSON object; nothing was changed.`);
  }
};

const request = (id: string, at: At) => ({
  SecretId: id,
  ...("version" in at && { VersionId: at.version }),
  ...(at.stage && { VersionStage: LABEL[at.stage] }),
});

/** Undefined when there is none. IAM's refusal is a person's to mend: the tag that opens the secret to us is missing. */
const ignoringAbsent = async <T>(id: string, work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    if (error instanceof Error && error.name === "AccessDeniedException") throw missing(id);
    throw error;
  }
};

/** The vault over Secrets Manager. */
export const secretsManagerVault = (aws: Aws): Vault => {
  const client = () => aws(SecretsManagerClient);
  const move = (id: CredentialId, from: VersionId | undefined, to: VersionId | undefined, stage: Stage) =>
    client().send(
      new UpdateSecretVersionStageCommand({
        SecretId: id,
        VersionStage: LABEL[stage],
        ...(from && { RemoveFromVersionId: from }),
        ...(to && { MoveToVersionId: to }),
      }),
    );

  return {
    async describe(id) {
      const out = await ignoringAbsent(id, client().send(new DescribeSecretCommand({ SecretId: id })));
      if (!out) throw missing(id);
      return asEntry(id, out);
    },
    async read(id, at): Promise<Held | undefined> {
      const out = await ignoringAbsent(id, client().send(new GetSecretValueCommand(request(id, at))));
      const version = out?.VersionId;
      return version
        ? { version: version as VersionId, value: secret(json(id, version, out.SecretString)) }
        : undefined;
    },
    async stage(id, version, value: Secret<unknown>, rotationToken) {
      await client().send(
        new PutSecretValueCommand({
          SecretId: id,
          ClientRequestToken: version,
          SecretString: JSON.stringify(value.reveal()),
          VersionStages: [LABEL.pending],
          ...(rotationToken && { RotationToken: rotationToken }),
        }),
      );
    },
    promote: async (id, version, from) => {
      await move(id, from, version, "current");
    },
    unstage: async (id, version) => {
      await move(id, version, undefined, "pending");
    },
  };
};

/** Reads another secret's JSON: the admin credential that a target names. */
export const readAdmin =
  (aws: Aws) =>
  async (id: string): Promise<Secret<unknown>> => {
    const out = await ignoringAbsent(id, aws(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId: id })));
    if (!out) throw missing(id);
    return secret(json(id, "AWSCURRENT", out.SecretString));
  };
