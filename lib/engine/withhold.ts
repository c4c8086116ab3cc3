import type { Of, Replies } from "../core/commands.ts";
import { Conflict } from "../core/errors.ts";
import { type SecretPolicies, withheldIn } from "../core/withheld.ts";

/** Secrets Manager has no conditional write: what somebody else wrote meanwhile is seen by reading again. */
const TRIES = 4;

/**
 * Has a secret withheld from sessions for an incident, or from none any more; twice is once. Says whether anything had to
 * be written. Throws Conflict where others go on writing that policy.
 */
export const withhold = async (
  policies: SecretPolicies,
  { credential, incident, sessions }: Of<"withhold">,
): Promise<Replies["withhold"]> => {
  for (let tried = 0; tried < TRIES; tried++) {
    const policy = await policies.read(credential);
    const wanted = withheldIn(policy, incident, sessions);
    if (wanted === policy) return { changed: tried > 0 };
    await (wanted === undefined ? policies.remove(credential) : policies.write(credential, wanted));
  }
  throw new Conflict(`The resource policy of ${credential} is written by somebody else at the same time. Try again.`);
};
