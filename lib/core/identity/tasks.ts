import { identifier } from "../identifier.ts";
import type { CredentialId, Identifier } from "../types.ts";

/** A task definition by its revision's ARN and by its family's: an event may name a revision that is active no more. */
export const taskNames = (arn: string | undefined): readonly Identifier[] => [
  ...identifier("task-definition", arn),
  ...identifier("task-definition", arn?.replace(/:\d{1,9}$/, "")),
];

/** An ARN, then `:json-key:version-stage:version-id` (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html). */
const FROM_SECRET = /^(arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:[^:]+)/;

/** The secret that a container's `valueFrom` takes; nothing for a parameter of Systems Manager. */
export const givenTo = (valueFrom: string | undefined): readonly CredentialId[] => {
  const [, secret] = FROM_SECRET.exec(valueFrom ?? "") ?? [];
  return secret ? [secret as CredentialId] : [];
};
