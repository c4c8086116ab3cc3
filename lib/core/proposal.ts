import type { Actor } from "./events.ts";
import type { Incident } from "./incident.ts";
import type { Clock, Instant } from "./types.ts";

export type Approval = { readonly actor: Actor; readonly at: Instant };

/** A containment that waits for people. Holds nothing secret. */
export type Proposal = {
  /** The incident's id: proposing twice is once. */
  readonly id: string;
  /** SHA-256, hex, of the canonical JSON of what is carried out (lib/core/proposal-plan.ts): what is approved is that. */
  readonly hash: string;
  /** What would be done, not claimed yet. */
  readonly incident: Incident;
  /** Never one of the approvers. */
  readonly requester: Actor;
  /** What kept it from being done at once, in a sentence. */
  readonly why: string;
  /** How many people have to approve: two for what is protected. */
  readonly needs: 1 | 2;
  readonly proposedAt: Instant;
  /** When it is told to a wider circle. */
  readonly escalatesAt?: Instant;
  readonly expiresAt: Instant;
  /** What happens when nobody answers: nothing, or the narrowest rung alone. */
  readonly onExpiry: "nothing" | "narrow";
  readonly approvals: readonly Approval[];
  readonly state: "open" | "approved" | "denied" | "expired";
  readonly escalatedAt?: Instant;
  /** Who denied it and why; who approved it is in `approvals`. */
  readonly denied?: Approval & { readonly reason: string };
  /** Grows with every write: whoever has read an older one writes nothing. */
  readonly revision: number;
};

/** What can be said about a proposal. `expire` and `escalate` are the clock's words. */
export type Word =
  | { readonly say: "approve"; readonly actor: Actor; readonly at: Instant; readonly hash: string }
  | { readonly say: "deny"; readonly actor: Actor; readonly at: Instant; readonly reason: string }
  | { readonly say: "expire" | "escalate"; readonly at: Instant };

/** `same`: it has been said before by the same person, and changes nothing. */
export type Said = { readonly proposal: Proposal } | { readonly refused: string } | { readonly same: Proposal };

/** Open proposals and closed ones, for as long as their history is of use; the ledger keeps it for good. */
export interface Proposals {
  /** The first with an id wins: answers what is kept. */
  open(proposal: Proposal): Promise<Proposal>;
  get(id: string): Promise<Proposal | undefined>;
  /** True when it was written: nobody has written since `proposal.revision` was read. Stored with the next revision. */
  replace(proposal: Proposal): Promise<boolean>;
  /** Newest first; those behind a place in that order, where one is given. */
  list(state: Proposal["state"], limit: number, behind?: string): Promise<readonly Proposal[]>;
}

/** A proposal's place among the others, which sorts as time does and is its own. */
export const placeOf = ({ proposedAt, id }: Pick<Proposal, "proposedAt" | "id">): string => `${proposedAt}#${id}`;

const ASSUMED = /^arn:[\w-]+:sts::(\d{12}):assumed-role\/([^/]+)\/(.+)$/;
const SSO = /^AWSReservedSSO_/;

/**
 * Whom an ARN stands for when people are counted. The session name of a role is chosen by whoever assumes it
 * (STS API reference, AssumeRole, RoleSessionName), so that all its sessions count as one person; IAM Identity Center
 * chooses that of its own roles: the name of the person who signed in.
 */
export const personOf = ({ principal }: Actor): string => {
  const [, account, role = "", session = ""] = ASSUMED.exec(principal) ?? [];
  if (!account) return principal;
  return SSO.test(role) ? `sso:${session.toLowerCase()}` : `role:${account}/${role}`;
};

const OVER: Readonly<Record<Exclude<Proposal["state"], "open">, string>> = {
  approved: "it has been approved, and an approval is used once",
  denied: "it has been denied",
  expired: "it has expired",
};

const isExpired = ({ expiresAt }: Proposal, now: Instant) => now >= expiresAt;

/** Why nobody can answer it any more. */
const closed = (proposal: Proposal, now: Instant): string | undefined => {
  if (proposal.state !== "open") return OVER[proposal.state];
  return isExpired(proposal, now) ? `it has expired at ${proposal.expiresAt}` : undefined;
};

type Of<S extends Word["say"]> = Extract<Word, { readonly say: S }>;

const approve = (proposal: Proposal, { actor, at, hash }: Of<"approve">): Said => {
  const person = personOf(actor);
  if (actor.kind !== "human") return { refused: `a ${actor.kind} may propose; only people approve` };
  if (personOf(proposal.requester) === person) return { refused: "whoever has proposed it cannot approve it" };
  if (hash !== proposal.hash) return { refused: `its plan has the hash ${proposal.hash}, and you have seen another` };
  const has = proposal.approvals.some((one) => personOf(one.actor) === person);
  if (has && (proposal.state === "open" || proposal.state === "approved")) return { same: proposal };
  const over = closed(proposal, at);
  if (over) return { refused: over };
  const approvals = [...proposal.approvals, { actor, at }];
  const state = approvals.length >= proposal.needs ? "approved" : "open";
  return { proposal: { ...proposal, approvals, state } };
};

const deny = (proposal: Proposal, { actor, at, reason }: Of<"deny">): Said => {
  const own = personOf(proposal.requester) === personOf(actor);
  if (actor.kind !== "human" && !own) return { refused: `a ${actor.kind} may withdraw only what it has proposed` };
  if (proposal.denied && personOf(proposal.denied.actor) === personOf(actor)) return { same: proposal };
  const over = closed(proposal, at);
  if (over) return { refused: over };
  return { proposal: { ...proposal, state: "denied", denied: { actor, at, reason } } };
};

const expire = (proposal: Proposal, at: Instant): Said => {
  if (proposal.state === "expired") return { same: proposal };
  if (proposal.state !== "open") return { refused: OVER[proposal.state] };
  return isExpired(proposal, at) ? { proposal: { ...proposal, state: "expired" } } : { refused: "it has not expired" };
};

const escalate = (proposal: Proposal, at: Instant): Said => {
  const over = closed(proposal, at);
  if (over) return { refused: over };
  if (proposal.escalatedAt) return { same: proposal };
  const isDue = proposal.escalatesAt !== undefined && at >= proposal.escalatesAt;
  return isDue ? { proposal: { ...proposal, escalatedAt: at } } : { refused: "it is not to be escalated yet" };
};

/**
 * What becomes of a proposal when something is said about it. Its hash binds what is approved; whoever proposed it
 * never approves it; each person counts once; what is over stays as it is.
 */
export const after = (proposal: Proposal, word: Word): Said => {
  switch (word.say) {
    case "approve":
      return approve(proposal, word);
    case "deny":
      return deny(proposal, word);
    case "expire":
      return expire(proposal, word.at);
    case "escalate":
      return escalate(proposal, word.at);
  }
};

/** What the clock has to say about it by now, if anything. */
export const due = (proposal: Proposal, now: Instant): "expire" | "escalate" | undefined => {
  if (proposal.state !== "open") return undefined;
  if (isExpired(proposal, now)) return "expire";
  const { escalatesAt, escalatedAt } = proposal;
  return escalatesAt !== undefined && !escalatedAt && now >= escalatesAt ? "escalate" : undefined;
};

/** How long until the clock has something to say about it, in ms; undefined when it never will. */
export const dueInMs = (proposal: Proposal, now: Instant, clock: Pick<Clock, "between">): number | undefined => {
  if (proposal.state !== "open") return undefined;
  const { escalatesAt, escalatedAt, expiresAt } = proposal;
  const next = escalatesAt !== undefined && !escalatedAt && escalatesAt < expiresAt ? escalatesAt : expiresAt;
  return Math.max(0, clock.between(now, next));
};
