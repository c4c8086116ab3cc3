import { CognitoIdentityProviderClient, type UserPoolType } from "@aws-sdk/client-cognito-identity-provider";
import { Forbidden, Misconfigured, Throttled, Unusable } from "../../core/errors.ts";
import type { Deps } from "../../core/types.ts";
import { untilAcceptedInARow } from "../shared/accepted.ts";
import { type At, poolOf } from "./pool.ts";
import type { Material, Target } from "./schema.ts";

const ANSWER_WITHIN_MS = 7_000;

export type Trial = { readonly material: Material; readonly target: Target; readonly signal: AbortSignal };

export const placed = ({ aws }: Deps, { target, signal }: Omit<Trial, "material">): At => ({
  cognito: aws(CognitoIdentityProviderClient),
  target,
  signal,
});

/** Where the pool's OAuth endpoints are, or the one address that all clients are aimed at. */
const base = async ({ cognito: { config }, target }: At, { Domain, CustomDomain }: UserPoolType): Promise<string> => {
  if (CustomDomain === undefined && Domain === undefined) {
    throw new Misconfigured(
      `User pool ${target.userPool} has no domain, where a client secret could be tried. Create one with \`aws cognito-idp create-user-pool-domain --user-pool-id ${target.userPool} --domain <prefix>\`.`,
    );
  }
  if (config.endpoint) {
    const { protocol, hostname, port } = await config.endpoint();
    return `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`;
  }
  return `https://${CustomDomain ?? `${Domain}.auth.${await config.region()}.amazoncognito.com`}`;
};

const complaint = async (answer: Response): Promise<string> => {
  const body: unknown = await answer.json().catch(() => undefined);
  const code = typeof body === "object" && body !== null && "error" in body ? body.error : undefined;
  return typeof code === "string" && /^\w{1,40}$/.test(code) ? code : "none";
};

const failed = async (answer: Response, { client, userPool }: Target): Promise<Error> => {
  const said = `App client ${client} of user pool ${userPool}: the revocation endpoint answered HTTP ${answer.status}`;
  const code = await complaint(answer);
  if (code === "invalid_request") {
    return new Misconfigured(
      `${said}, ${code}: a secret can be tried only where token revocation is on. Run \`aws cognito-idp update-user-pool-client\` with --enable-token-revocation and the client's other settings.`,
    );
  }
  if (answer.status === 429) return new Throttled(`${said}.`);
  if (answer.status === 403) return new Forbidden(`${said}: the pool's web ACL may refuse the rotate function.`);
  return new Error(`${said}, error ${code}.`);
};

/**
 * Whether the client authenticates with this secret: revokes a token that is none. Cognito documents 401 invalid_client
 * for wrong client credentials and 200 for a token that is not valid; nothing is minted, and no grant has to be allowed.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/revocation-endpoint.html
 */
export const isAccepted = async (
  at: At,
  pool: UserPoolType,
  { clientId, clientSecret }: Material,
): Promise<boolean> => {
  const { client, userPool } = at.target;
  if (clientId !== undefined && clientId !== client) {
    throw new Misconfigured(
      `The secret's clientId is ${clientId}, tag rekey:client says ${client} of user pool ${userPool}. Correct either.`,
    );
  }
  const answer = await fetch(`${await base(at, pool)}/oauth2/revoke`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${client}:${clientSecret}`).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: "token=rekey-probe",
    redirect: "error",
    signal: AbortSignal.any([at.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
  });
  if (answer.status === 200) {
    await answer.body?.cancel();
    return true;
  }
  if (answer.status === 401 && (await complaint(answer.clone())) === "invalid_client") return false;
  throw await failed(answer, at.target);
};

const refusal = ({ client, userPool }: Target) =>
  new Unusable(`A secret of app client ${client} of user pool ${userPool} was refused (invalid_client).`);

export const authenticate = async (deps: Deps, trial: Trial): Promise<void> => {
  const at = placed(deps, trial);
  if (!(await isAccepted(at, await poolOf(at), trial.material))) throw refusal(trial.target);
};

/** Waits until it is accepted three times in a row, for a minute at most. */
export const untilAccepted = ({ clock }: Deps, at: At, pool: UserPoolType, material: Material): Promise<void> =>
  untilAcceptedInARow(clock, at.signal, async () =>
    (await isAccepted(at, pool, material)) ? undefined : refusal(at.target),
  );
