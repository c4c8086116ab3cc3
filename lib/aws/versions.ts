import {
  InvalidRequestException,
  ListSecretVersionIdsCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import type { Made } from "../core/timetable.ts";
import type { Aws, CredentialId, Instant, VersionId } from "../core/types.ts";
import { instantAt } from "./clock.ts";

/**
 * What versions a secret has, those without a label too; undefined when there is no such secret or it is being deleted.
 * Asked of Secrets Manager, since others write as well.
 */
export const versionsMade =
  (aws: Aws) =>
  async (id: CredentialId): Promise<Made | undefined> => {
    const made: Instant[] = [];
    let current: VersionId | undefined;
    let NextToken: string | undefined;
    try {
      do {
        const command = new ListSecretVersionIdsCommand({ SecretId: id, IncludeDeprecated: true, NextToken });
        const page = await aws(SecretsManagerClient).send(command);
        made.push(...(page.Versions ?? []).flatMap(({ CreatedDate: at }) => (at ? [instantAt(at.getTime())] : [])));
        current ??= page.Versions?.find(({ VersionStages = [] }) => VersionStages.includes("AWSCURRENT"))?.VersionId as
          | VersionId
          | undefined;
        NextToken = page.NextToken;
      } while (NextToken);
    } catch (error) {
      if (error instanceof ResourceNotFoundException || error instanceof InvalidRequestException) return undefined;
      throw error;
    }
    return { made, ...(current && { current }) };
  };
