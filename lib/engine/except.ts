import { Conflict, Misconfigured } from "../core/errors.ts";
import type { Actor, LifecycleEvent } from "../core/events.ts";
import type { Clock, CredentialId, Instant, Ledger } from "../core/types.ts";

export type ExceptWorld = { readonly ledger: Pick<Ledger, "append" | "history">; readonly clock: Clock };

type Grant = {
  readonly order: "grant";
  readonly exception: string;
  readonly credential: CredentialId;
  readonly query: string;
  readonly until: Instant;
  readonly ticket: string | null;
  readonly reason: string;
  readonly actor: Actor;
};
type Revocation = {
  readonly order: "revoke";
  readonly exception: string;
  readonly credential: CredentialId;
  readonly reason?: string | undefined;
  readonly actor: Actor;
};
export type ExceptOrder = Grant | Revocation;

/** Nothing is excepted for good. */
const LONGEST_MS = 366 * 86_400_000;

const granted = (
  at: Instant,
  { exception, credential, query, until, ticket, reason, actor }: Grant,
): LifecycleEvent => ({
  id: `${exception}:granted`,
  stream: credential,
  type: "exception.granted",
  at,
  actor,
  reason,
  data: { exception, query, until, ticket },
});

const revoked = (at: Instant, { exception, credential, reason, actor }: Revocation): LifecycleEvent => ({
  id: `${exception}:revoked`,
  stream: credential,
  type: "exception.revoked",
  at,
  actor,
  ...(reason && { reason }),
  data: { exception },
});

/**
 * Records that a finding does not count until a day, or that it counts again. An agent may not. Throws Misconfigured for a
 * day that is past or more than a year away, Conflict for an exception that the credential does not have.
 */
export const excepted = async (
  { ledger, clock }: ExceptWorld,
  order: ExceptOrder,
): Promise<{ readonly exception: string }> => {
  const now = clock.now();
  if (order.actor.kind === "agent")
    throw new Misconfigured("An agent may not except anything: it takes a person's word.");
  if (order.order === "grant") {
    const left = clock.between(now, order.until);
    if (left <= 0) throw new Misconfigured(`${order.until} is past: an exception ends on a day to come.`);
    if (left > LONGEST_MS) throw new Misconfigured(`${order.until} is more than a year away: except it again then.`);
    await ledger.append(granted(now, order));
    return { exception: order.exception };
  }
  const known = (await ledger.history(order.credential)).some(
    ({ type, data }) => type === "exception.granted" && data.exception === order.exception,
  );
  if (!known)
    throw new Conflict(`${order.credential} has no exception ${order.exception}. \`rekey query Q16\` lists them.`);
  await ledger.append(revoked(now, order));
  return { exception: order.exception };
};
