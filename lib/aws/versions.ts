import {
  InvalidRequestException,
  ListSecretVersionIdsCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
  type SecretVersionsListEntry,
} from "@aws-sdk/client-secrets-manager";
import type { Made } from "../core/timetable.ts";
import type { Aws, CredentialId, VersionId } from "../core/types.ts";
import { instantAt } from "./clock.ts";

const madeOf = (versions: readonly SecretVersionsListEntry[]): Made => {
  const found = versions.find(({ VersionStages = [] }) => VersionStages.includes("AWSCURRENT"));
  return {
    made: versions.flatMap(({ CreatedDate: at }) => (at ? [instantAt(at.getTime())] : [])),
    ...(found?.VersionId && { current: found.VersionId as VersionId }),
    ...(found?.CreatedDate && { currentMade: instantAt(found.CreatedDate.getTime()) }),
  };
};

/**
 * What versions a secret has, those without a label too; undefined when there is no such secret or it is being deleted.
 * Asked of Secrets Manager, since others write as well.
 */
export const versionsMade =
  (aws: Aws) =>
  async (id: CredentialId): Promise<Made | undefined> => {
    const versions: SecretVersionsListEntry[] = [];
    let NextToken: string | undefined;
    try {
      do {
        const command = new ListSecretVersionIdsCommand({ SecretId: id, IncludeDeprecated: true, NextToken });
        const page = await aws(SecretsManagerClient).send(command);
        versions.push(...(page.Versions ?? []));
        NextToken = page.NextToken;
      } while (NextToken);
    } catch (error) {
      if (error instanceof ResourceNotFoundException || error instanceof InvalidRequestException) return undefined;
      throw error;
    }
    return madeOf(versions);
  };
