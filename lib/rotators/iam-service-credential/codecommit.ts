import { IAMClient } from "@aws-sdk/client-iam";
import { Misconfigured } from "../../core/errors.ts";
import type { Deps } from "../../core/types.ts";
import type { Answer, Trial } from "./probe.ts";

const ANSWER_WITHIN_MS = 7_000;

/** https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html, or the one endpoint that all clients are aimed at. */
const host = async ({ aws }: Deps): Promise<string> => {
  const { config } = aws(IAMClient);
  if (config.endpoint) {
    const { protocol, hostname, port } = await config.endpoint();
    return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`;
  }
  const region = await config.region();
  return `https://git-codecommit.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
};

const credentialsOf = ({ material, target }: Trial): string => {
  const { serviceUserName, servicePassword } = material;
  if (serviceUserName !== undefined && servicePassword !== undefined) {
    return Buffer.from(`${serviceUserName}:${servicePassword}`).toString("base64");
  }
  throw new Misconfigured(
    `Credential ${material.serviceSpecificCredentialId} of IAM user ${target.user} has no serviceUserName and servicePassword, which a Git credential is. Correct tag rekey:service or the secret's value.`,
  );
};

/**
 * Asks for a repository's references as \`git ls-remote\` does (https://git-scm.com/docs/http-protocol). Which status a
 * wrong credential gets, 401 or 403, is not documented, nor is what one without permission gets: either is a refusal.
 */
export const codecommit = async (deps: Deps, trial: Trial): Promise<Answer> => {
  const { target, signal } = trial;
  const url = `${await host(deps)}/v1/repos/${target.repository}/info/refs?service=git-upload-pack`;
  const authorization = `Basic ${credentialsOf(trial)}`;
  const answer = await fetch(url, {
    headers: { authorization },
    redirect: "error",
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
  });
  await answer.body?.cancel();
  if (answer.ok) return { verdict: "accepted" };
  if (answer.status === 401 || answer.status === 403) return { verdict: "refused", said: `HTTP ${answer.status}` };
  if (answer.status === 404) {
    throw new Misconfigured(
      `CodeCommit has no repository ${target.repository} at this region. Correct tag rekey:repository.`,
    );
  }
  throw Object.assign(
    new Error(`CodeCommit answered HTTP ${answer.status}.`),
    answer.status === 429 && { name: "ThrottlingException" },
  );
};
