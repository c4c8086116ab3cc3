import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { Misconfigured, Unusable } from "../../core/errors.ts";
import type { Deps } from "../../core/types.ts";
import { untilAcceptedInARow } from "../shared/accepted.ts";
import { isNamed } from "../shared/aws-fault.ts";

export type Pair = { readonly accessKeyId: string; readonly secretAccessKey: string };
export type Probe = { readonly user: string; readonly pair: Pair; readonly signal: AbortSignal };

/** A request whose *time* is off is answered with the same code as one whose key is wrong: that is no refusal. */
const isClockSkew = (error: unknown) =>
  error instanceof Error && /signature (expired|not yet current)/i.test(error.message);

const isRefusal = (error: unknown) =>
  isNamed(error, "InvalidClientTokenId") || (isNamed(error, "SignatureDoesNotMatch") && !isClockSkew(error));

/** Asks STS who this key is. GetCallerIdentity needs no permission, so no policy can make it fail. */
export const authenticate = async ({ aws }: Deps, { user, pair, signal }: Probe): Promise<void> => {
  const credentials = { accessKeyId: pair.accessKeyId, secretAccessKey: pair.secretAccessKey };
  const arn = await aws(STSClient, { credentials })
    .send(new GetCallerIdentityCommand({}), { abortSignal: signal })
    .then(({ Arn }) => Arn ?? "")
    .catch((error: unknown) => {
      if (!isRefusal(error)) throw error;
      throw new Unusable(`Access key ${pair.accessKeyId} of IAM user ${user} was refused by STS.`);
    });
  // IAM keeps user names unique without regard to case.
  if (arn.split("/").at(-1)?.toLowerCase() === user.toLowerCase()) return;
  throw new Misconfigured(
    `Access key ${pair.accessKeyId} belongs to ${arn}, not to IAM user ${user}. Correct tag rekey:user or the secret's value.`,
  );
};

/** Waits until a new key is accepted three times in a row. Throws Unusable when it is still refused after a minute. */
export const untilAccepted = (deps: Deps, probe: Probe): Promise<void> =>
  untilAcceptedInARow(deps.clock, probe.signal, () => refused(deps, probe));

const refused = async (deps: Deps, probe: Probe): Promise<Unusable | undefined> => {
  try {
    await authenticate(deps, probe);
    return undefined;
  } catch (error) {
    if (error instanceof Unusable) return error;
    throw error;
  }
};
