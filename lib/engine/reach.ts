import type { IdentityIndex, IndexState, ReachedBy, ReachedCredential } from "../core/identity/index-port.ts";
import { ledTo, waysOf } from "../core/identity/leads.ts";
import { NEVER_BUILT, unresolvedIn } from "../core/identity/unresolved.ts";
import type { Principal, Resolution } from "../core/resolution.ts";
import type { CredentialId, Identifier } from "../core/types.ts";

/** What one name reaches, as the index has it. */
export type ReachedCredentials = {
  readonly subject: Identifier;
  readonly principals: readonly Principal[];
  readonly reached: readonly ReachedCredential[];
  /** How many more than are listed. */
  readonly more: number;
  readonly unresolved: Resolution["unresolved"];
  readonly state?: IndexState;
};

const IS_PRINCIPAL = /^iam-(?:role|user):/;
const NARROWED = { sessions: [], podUids: [], instances: [], functions: [] };

/** Every credential that a name of a workload or principal leads to, each principal's surest first. Two rounds of reads. */
export const reachOf = async (
  identities: Pick<IdentityIndex, "leads" | "reaches">,
  account: string,
  subject: Identifier,
): Promise<ReachedCredentials> => {
  const { found, state } = await identities.leads(account, waysOf(subject)?.keys ?? []);
  const led = IS_PRINCIPAL.test(subject)
    ? { principals: [subject], credentials: [] }
    : ledTo(subject, new Map(found.map((leads) => [leads.key, leads])));
  const known = led.principals.length > 0 ? await identities.reaches(state, led.principals) : [];
  const principals = led.principals.map(
    (id): Principal =>
      known.find(({ principal }) => principal.id === id)?.principal ?? {
        id,
        arn: "",
        class: "ordinary",
        consumers: [],
      },
  );
  const given = led.credentials.map((credential) => ({ credential, edge: "bound" as const, path: [subject] }));
  const implicated = principals.map((principal) => ({ principal, narrowed: NARROWED, path: [subject, principal.id] }));
  const open = unresolvedIn({ subjects: [subject] }, { matches: [], principals: implicated, known, state });
  return {
    subject,
    principals: known.map(({ principal }) => principal),
    reached: [...given, ...known.flatMap(({ reached }) => reached)],
    more: known.reduce((sum, { more }) => sum + more, 0),
    unresolved: given.length > 0 ? open.filter((one) => one.subject !== subject) : open,
    ...(state && { state }),
  };
};

/** Every principal that reaches a credential, surest first; or why none is known. */
export const reachedByWhom = async (
  identities: Pick<IdentityIndex, "state" | "reachedBy">,
  credential: CredentialId,
): Promise<ReachedBy & { readonly unresolved: Resolution["unresolved"]; readonly state?: IndexState }> => {
  const state = await identities.state(credential.split(":")[4] ?? "");
  const found = (await identities.reachedBy(state, credential)) ?? { credential, by: [], more: 0 };
  const why = state?.completedAt ? "no role or user of its account is known to reach it" : NEVER_BUILT;
  const unresolved = found.by.length > 0 ? [] : [{ subject: `secret:${credential}` as const, why }];
  return { ...found, unresolved, ...(state && { state }) };
};
