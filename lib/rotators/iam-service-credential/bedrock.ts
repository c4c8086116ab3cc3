import { BedrockClient, ListFoundationModelsCommand } from "@aws-sdk/client-bedrock";
import { Misconfigured } from "../../core/errors.ts";
import type { Deps } from "../../core/types.ts";
import type { Answer, Trial } from "./probe.ts";

/**
 * What Bedrock says of a bearer token it does not take is 403 and no code that documentation names; users report
 * "Authentication failed: Please make sure your API Key is valid." An authenticated caller without permission gets
 * AccessDeniedException, 403, that names it: "User: arn:… is not authorized to perform: …".
 * https://github.com/anomalyco/opencode/issues/47073 and
 * https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
 */
const answerOf = (error: unknown): Answer => {
  const status: unknown =
    error instanceof Error && "$metadata" in error && (error.$metadata as { httpStatusCode?: number }).httpStatusCode;
  if (!(error instanceof Error) || (status !== 401 && status !== 403)) throw error;
  return /^User: \S+ is not authorized/.test(error.message)
    ? { verdict: "denied", said: error.message }
    : { verdict: "refused", said: `${error.name}, HTTP ${status}` };
};

/** Should the SDK ever prefer a signature, it must not sign with Rekey's own role and prove nothing. */
const NOBODY = { accessKeyId: "nobody", secretAccessKey: "nobody" };

/**
 * Lists foundation models with the API key as bearer token: free of charge, and one of the calls that API keys may make.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-reference.html
 */
export const bedrock = async ({ aws }: Deps, { material, target, signal }: Trial): Promise<Answer> => {
  const token = material.serviceCredentialSecret;
  if (token === undefined) {
    throw new Misconfigured(
      `Credential ${material.serviceSpecificCredentialId} of IAM user ${target.user} has no serviceCredentialSecret, which an API key of ${target.service} is. Correct tag rekey:service or the secret's value.`,
    );
  }
  const client = aws(BedrockClient, {
    credentials: NOBODY,
    token: { token },
    authSchemePreference: ["httpBearerAuth"],
  });
  try {
    await client.send(new ListFoundationModelsCommand({}), { abortSignal: signal });
    return { verdict: "accepted" };
  } catch (error) {
    return answerOf(error);
  } finally {
    client.destroy();
  }
};
