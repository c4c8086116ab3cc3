import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Actor } from "./events.ts";
import type { Incident } from "./incident.ts";
import { canonical } from "./ledger/canonical.ts";
import type { Proposal } from "./proposal.ts";
import type { Clock, Instant } from "./types.ts";

/** What somebody wants done who may not do it. Times are from now, in ms. */
export type Draft = {
  readonly incident: Incident;
  readonly requester: Actor;
  readonly why: string;
  readonly needs: 1 | 2;
  readonly onExpiry: Proposal["onExpiry"];
  readonly expiresInMs: number;
  readonly escalatesInMs?: number;
};

type Bound = Pick<Proposal, "incident" | "needs" | "onExpiry">;

/** Undefined fields are no fields: a store may drop them. */
const stored = (value: object): unknown => JSON.parse(JSON.stringify(value));

/**
 * SHA-256, hex, of everything that decides what is carried out: plans, principals, scenario, for how long, how many approve and what
 * happens if nobody does. Who asked and when is left out.
 */
export const hashOf = ({ incident, needs, onExpiry }: Bound): string => {
  const { id, signal, type, scenario, severity, reason, plans, principals = [], isolations, lastsMs } = incident;
  const what = {
    id,
    signal,
    type,
    scenario,
    severity,
    reason,
    plans,
    principals,
    isolations,
    lastsMs,
    needs,
    onExpiry,
  };
  return bytesToHex(sha256(utf8ToBytes(canonical(stored(what), "proposal"))));
};

/** A draft with its hash and its times. */
export const proposalOf = (draft: Draft, now: Instant, clock: Pick<Clock, "after">): Proposal => {
  const { incident, requester, why, needs, onExpiry, expiresInMs, escalatesInMs } = draft;
  return {
    id: incident.id,
    hash: hashOf(draft),
    incident,
    requester,
    why,
    needs,
    proposedAt: now,
    ...(escalatesInMs !== undefined && { escalatesAt: clock.after(now, escalatesInMs) }),
    expiresAt: clock.after(now, expiresInMs),
    onExpiry,
    approvals: [],
    state: "open",
    revision: 0,
  };
};

/**
 * The narrowest rung of an incident alone: the sessions that were seen are denied, and nothing wider ever is. Undefined
 * where no session was seen: then nothing is narrow enough to be done without a person.
 */
export const narrowest = (incident: Incident): Incident | undefined => {
  const principals = (incident.principals ?? [])
    .filter(({ narrowed }) => narrowed.sessions.length > 0)
    .map((plan) => ({ ...plan, rung: "session" as const, widest: "session" as const }));
  const { isolations: _, ...rest } = incident;
  return principals.length > 0 ? { ...rest, plans: [], principals } : undefined;
};

/** What an approved or expired proposal has carried out; undefined when that is nothing. */
export const mandated = (proposal: Proposal): Incident | undefined => {
  const { incident, approvals, state, onExpiry } = proposal;
  if (state === "expired") return onExpiry === "narrow" ? narrowest(incident) : undefined;
  if (state !== "approved") return undefined;
  const approvedAt = approvals.at(-1)?.at;
  return {
    ...incident,
    approvedBy: approvals.map(({ actor }) => actor),
    timeline: { ...incident.timeline, ...(approvedAt && { approvedAt }) },
  };
};
