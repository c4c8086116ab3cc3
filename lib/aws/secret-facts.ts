import {
  DescribeSecretCommand,
  type DescribeSecretCommandOutput,
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import type { SecretFacts } from "../core/diagnosis-facts.ts";
import { Misconfigured } from "../core/errors.ts";
import { described } from "../core/sanitize.ts";
import type { Aws, CredentialId, Instant, VersionId } from "../core/types.ts";
import { instantAt } from "./clock.ts";

const LABELS = { current: "AWSCURRENT", pending: "AWSPENDING", previous: "AWSPREVIOUS" } as const;

const labelsOf = (versions: Record<string, string[]> = {}): SecretFacts["labels"] =>
  Object.fromEntries(
    Object.entries(LABELS).flatMap(([stage, label]) => {
      const holder = Object.keys(versions).find((id) => versions[id]?.includes(label));
      return holder ? [[stage, holder as VersionId]] : [];
    }),
  );

const times = (out: DescribeSecretCommandOutput) => {
  const all = { changedAt: out.LastChangedDate, deletedAt: out.DeletedDate, rotatedAt: out.LastRotatedDate };
  const set = Object.entries(all).flatMap(([name, date]) => (date ? [[name, instantAt(date.getTime())]] : []));
  return Object.fromEntries(set) as { readonly [K in keyof typeof all]?: Instant };
};

const rotationOf = ({
  RotationEnabled,
  RotationLambdaARN = "",
  RotationRules,
  NextRotationDate,
}: DescribeSecretCommandOutput) => {
  if (!RotationEnabled) return {};
  const days = RotationRules?.AutomaticallyAfterDays;
  const schedule = RotationRules?.ScheduleExpression ?? (days && `rate(${days} days)`);
  const dueAt = NextRotationDate && instantAt(NextRotationDate.getTime());
  return { rotation: { function: RotationLambdaARN, ...(schedule && { schedule }), ...(dueAt && { dueAt }) } };
};

const asFacts = (id: CredentialId, out: DescribeSecretCommandOutput): SecretFacts => ({
  id: (out.ARN ?? id) as CredentialId,
  name: out.Name ?? id,
  tags: Object.fromEntries((out.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value])),
  labels: labelsOf(out.VersionIdsToStages),
  replicas: (out.ReplicationStatus ?? []).map(({ Region = "", Status = "", StatusMessage }) => ({
    region: Region,
    state: Status,
    ...(StatusMessage && { told: StatusMessage }),
  })),
  ...times(out),
  ...rotationOf(out),
  ...(out.KmsKeyId && { kmsKey: out.KmsKeyId }),
  ...(out.OwningService && { managedBy: out.OwningService }),
});

/** Describes a secret, and reads its current value once to hear whether that is allowed and decrypts; keeps no value. */
export const secretFacts =
  (aws: Aws) =>
  async (id: CredentialId): Promise<SecretFacts> => {
    const client = aws(SecretsManagerClient);
    const out = await client.send(new DescribeSecretCommand({ SecretId: id })).catch((error: unknown) => {
      const isAbsent = error instanceof ResourceNotFoundException;
      const isDenied = error instanceof Error && error.name === "AccessDeniedException";
      if (!isAbsent && !isDenied) throw error;
      throw new Misconfigured(
        `There is no secret ${id}, or this network's role may not describe it. Check its name, that it has tag rekey:network, and that no policy denies it.`,
      );
    });
    const facts = asFacts(id, out);
    if (facts.deletedAt) return facts;
    return client.send(new GetSecretValueCommand({ SecretId: id })).then(
      () => facts,
      (error: unknown) => ({ ...facts, unread: described(error) }),
    );
  };
