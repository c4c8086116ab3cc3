import type { Actor } from "./events.ts";
import type { Incident } from "./incident.ts";
import type { Instant } from "./types.ts";

/** A containment that waits for people. Holds nothing secret. */
export type Proposal = {
  /** The incident's id: proposing twice is once. */
  readonly id: string;
  /** SHA-256, hex, of the plan's canonical JSON: what is approved is what is carried out. */
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
  readonly approvals: readonly { readonly actor: Actor; readonly at: Instant }[];
  readonly state: "open" | "approved" | "denied" | "expired";
};
