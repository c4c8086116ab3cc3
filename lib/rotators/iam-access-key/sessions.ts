import { DeleteUserPolicyCommand, GetUserPolicyCommand, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { Misconfigured } from "../../core/errors.ts";
import { begunBefore, SLIP_MS } from "../../core/quarantine-policy.ts";
import { isNamed } from "../shared/aws-fault.ts";
import type { At } from "./keys.ts";

/**
 * Sessions that a key has minted (GetSessionToken, GetFederationToken) outlive the key, up to 36 hours: AWS says to
 * deny by `aws:TokenIssueTime` on the user. Requests signed with a permanent key do not carry that condition key, so
 * the denial leaves the user's other key alone.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-tokenissuetime
 */
const POLICY = "RekeyRevokeSessions";

type Statement = { readonly Sid?: string; readonly Condition?: { readonly DateLessThan?: Record<string, string> } };
type Document = { readonly Version: string; readonly Statement: readonly Statement[] };

const read = async ({ iam, user, signal }: At): Promise<readonly Statement[]> => {
  try {
    const command = new GetUserPolicyCommand({ UserName: user, PolicyName: POLICY });
    const { PolicyDocument } = await iam.send(command, { abortSignal: signal });
    const document: Document = JSON.parse(decodeURIComponent(PolicyDocument ?? ""));
    return [document.Statement].flat();
  } catch (error) {
    if (isNamed(error, "NoSuchEntity")) return [];
    throw error;
  }
};

const write = async ({ iam, user, signal }: At, statements: readonly Statement[]): Promise<void> => {
  const name = { UserName: user, PolicyName: POLICY };
  const document: Document = { Version: "2012-10-17", Statement: statements };
  const PolicyDocument = JSON.stringify(document);
  const options = { abortSignal: signal };
  try {
    if (statements.length === 0) await iam.send(new DeleteUserPolicyCommand(name), options);
    else await iam.send(new PutUserPolicyCommand({ ...name, PolicyDocument }), options);
  } catch (error) {
    if (isNamed(error, "NoSuchEntity")) return;
    if (!isNamed(error, "LimitExceeded")) throw error;
    // A user's inline policies share 2,048 characters; ours takes about 170.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    throw new Misconfigured(
      `IAM user ${user}: its key is inactive, but its inline policies leave no room for ${POLICY}, so sessions that the key made live on. Move an inline policy of the user into a managed one and contain again.`,
    );
  }
};

const cutoffOf = (statements: readonly Statement[]): string | undefined =>
  statements.find(({ Sid }) => Sid === POLICY)?.Condition?.DateLessThan?.["aws:TokenIssueTime"];

/**
 * Denies everything to the user's sessions begun before `before` (ISO 8601), plus the time that IAM takes; returns the
 * cut-off in force. One that reaches as far already stays as it is. A user that is gone has no sessions.
 */
export const endSessions = async (at: At, before: string): Promise<string> => {
  const statements = await read(at);
  const standing = cutoffOf(statements);
  if (standing !== undefined && Date.parse(standing) >= Date.parse(before)) return standing;
  // A deactivated key still mints sessions while IAM propagates that it is.
  const cutoff = new Date(Date.parse(before) + SLIP_MS).toISOString();
  await write(at, [...statements.filter(({ Sid }) => Sid !== POLICY), begunBefore(POLICY, cutoff) as Statement]);
  return cutoff;
};

/** Lifts the denial, unless a later containment has moved it on. */
export const allowSessions = async (at: At, cutoff: string): Promise<void> => {
  const statements = await read(at);
  const standing = cutoffOf(statements);
  if (standing === undefined || Date.parse(standing) > Date.parse(cutoff)) return;
  await write(
    at,
    statements.filter(({ Sid }) => Sid !== POLICY),
  );
};
