import * as z from "zod/mini";
import { after } from "./implicated.ts";
import type { CredentialId, Signal } from "./types.ts";

/** The resource policies of secrets. */
export interface SecretPolicies {
  /** Undefined where the secret has none. */
  read(id: CredentialId): Promise<string | undefined>;
  write(id: CredentialId, policy: string): Promise<void>;
  /** What is gone is removed. */
  remove(id: CredentialId): Promise<void>;
}

/** `aws:userid` of a role's session. No value may hold what a policy gives a meaning: `*`, `?`, `$`. */
export const SESSION = /^A[A-Z0-9]{15,31}:[\w+=,.@-]{2,64}$/;

/** The role sessions that a signal shows, as `aws:userid` has them: they must not read what replaces a credential. */
export const sessionsIn = ({ subjects }: Signal): readonly string[] =>
  [...new Set(after(subjects, "role-session"))].filter((session) => SESSION.test(session)).toSorted();

/** What the withholding of one incident is called in a secret's policy; letters and digits are all that a Sid may have. */
const sidOf = (incident: string): string => `RekeyWithheld${incident.replace(/[^0-9a-z]/gi, "")}`;

const Statement = z.looseObject({ Sid: z.optional(z.string()) });
const Policy = z.looseObject({ Statement: z.union([z.array(Statement), Statement]) });

/**
 * Denies these sessions to read the secret, whatever the policies of their role say. In a resource policy as in any other
 * `aws:userid` is a global key:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-userid
 */
const denial = (incident: string, sessions: readonly string[]) => ({
  Sid: sidOf(incident),
  Effect: "Deny",
  Principal: "*",
  Action: "secretsmanager:GetSecretValue",
  Resource: "*",
  Condition: { StringEquals: { "aws:userid": [...sessions] } },
});

/**
 * A secret's resource policy in which this incident withholds it from these sessions and from no others; from none, without
 * a statement of this incident's. The very text where that is so already; undefined where no statement is left. What others
 * wrote stays as it is. Throws where the text is no policy.
 */
export const withheldIn = (
  policy: string | undefined,
  incident: string,
  sessions: readonly string[],
): string | undefined => {
  const before = policy === undefined ? undefined : Policy.parse(JSON.parse(policy));
  const statements = before ? [before.Statement].flat() : [];
  const own = statements.find(({ Sid }) => Sid === sidOf(incident));
  const wanted = sessions.length > 0 ? denial(incident, sessions) : undefined;
  if (JSON.stringify(own) === JSON.stringify(wanted)) return policy;
  const Statement = [...statements.filter((one) => one !== own), ...(wanted ? [wanted] : [])];
  return Statement.length > 0 ? JSON.stringify({ Version: "2012-10-17", ...before, Statement }) : undefined;
};
