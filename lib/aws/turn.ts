import type { Locks } from "../core/locks.ts";
import type { Turn } from "../core/organization.ts";
import type { Clock, CredentialId } from "../core/types.ts";

/** Longer than the function that edits may run, in ms: whoever holds a turn has ended when it is over. */
const TURN_MS = 40_000;

/** Turns at one policy of the organisation. `holder` is of one invocation: two of one incident wait for one another. */
export const turnOf = (locks: Locks, clock: Clock, policy: string, holder: string): Turn => {
  const identity = `policy:${policy}` as const;
  const own = holder as CredentialId;
  return {
    async take() {
      const now = clock.now();
      return (await locks.take(identity, own, { now, until: clock.after(now, TURN_MS) })) === "taken";
    },
    release: () => locks.release(identity, own),
  };
};
