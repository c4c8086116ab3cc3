import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { Misconfigured } from "../../core/errors.ts";
import { type Secret, secret } from "../../core/secret.ts";
import type { Aws } from "../../core/types.ts";

/** The whole text of a secret. Throws Misconfigured where it is empty. */
export const secretText = async (aws: Aws, SecretId: string): Promise<Secret<string>> => {
  const { SecretString = "" } = await aws(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId }));
  const text = SecretString.trim();
  if (text === "") throw new Misconfigured(`Secret ${SecretId} is empty. Put the text there that config.notify needs.`);
  return secret(text);
};
