import { randomUUID } from "node:crypto";
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import type { CredentialId } from "../lib/core/types.ts";
import type { Stage } from "./stage.ts";

/** The four calls of Secrets Manager that no rotation can do without, around whatever `atTarget` does for `next`. */
export const byHand = async <M extends object>(
  { secrets }: Pick<Stage, "secrets">,
  id: CredentialId,
  next: M,
  atTarget: () => Promise<unknown>,
): Promise<void> => {
  const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId: id }));
  const { VersionId } = await secrets.send(new GetSecretValueCommand({ SecretId: id }));
  const token = randomUUID();
  const staged = { SecretId: id, ClientRequestToken: token, VersionStages: ["AWSPENDING"] };
  await secrets.send(new PutSecretValueCommand({ ...staged, SecretString: JSON.stringify(next) }));
  await atTarget();
  const move = { SecretId: id, VersionStage: "AWSCURRENT", MoveToVersionId: token, RemoveFromVersionId: VersionId };
  await secrets.send(new UpdateSecretVersionStageCommand(move));
  if (!VersionIdsToStages[VersionId ?? ""]) throw new Error(`the floor found no current version of ${id}`);
};
