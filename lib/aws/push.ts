import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Receiver } from "../core/security-event.ts";
import type { Aws } from "../core/types.ts";

const TIMEOUT_MS = 10_000;
/** Of an answer; a receiver's reason is short. In bytes. */
const MOST = 4_096;

const authorizationOf = async (aws: Aws, SecretId: string): Promise<string> => {
  const { SecretString } = await aws(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId }));
  return SecretString ?? "";
};

/** Posts one token as RFC 8935 §2 has it. A redirect is refused: it would take the token and its authorization elsewhere. */
export const pushOn =
  (aws: Aws) =>
  async (
    { url, authorization }: Receiver,
    token: string,
  ): Promise<{ readonly status: number; readonly text: string }> => {
    const header = authorization ? { Authorization: await authorizationOf(aws, authorization) } : {};
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/secevent+jwt", Accept: "application/json", ...header },
      body: token,
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return { status: response.status, text: text.slice(0, MOST) };
  };
