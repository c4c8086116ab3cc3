import type { Narrowed } from "./resolution.ts";
import type { Identifier, Instant } from "./types.ts";

/**
 * How wide a principal is denied, narrowest first. `unread`: the secrets that it may read and never did; nothing that it
 * does breaks by it, so that it makes a principal narrower and shuts nobody out. `session`: the sessions that were seen. `workload`: the pod, instance
 * or function. `since`: every session begun before an instant. `principal`: all of it. These are inline policies of the
 * principal, which whoever may edit it in its account can undo. `organization`: by a service control policy, which nobody in
 * that account can.
 */
export type InlineRung = "unread" | "session" | "workload" | "since" | "principal";
export type Rung = InlineRung | "organization";

/** What shall be denied to one principal. */
export type PrincipalPlan = {
  /** `iam-role:<account>/<name>` or `iam-user:<account>/<name>`. */
  readonly principal: Identifier;
  readonly arn: string;
  readonly narrowed: Narrowed;
  /** The narrowest that suffices. A hold that fails goes one wider, to `widest` and no further. */
  readonly rung: Rung;
  readonly widest: Rung;
};

/** What was done to one principal so far; enough to hold it and to undo it. JSON, nothing secret. */
export type Quarantined = {
  readonly principal: Identifier;
  readonly rung: Rung;
  /** When IAM took the denial. */
  readonly deniedAt: Instant;
  /**
   * When and how it was seen to be in force: by IAM's own policy simulation, by a call that was refused, or read in a
   * service control policy that is attached above its account.
   */
  readonly verifiedAt?: Instant;
  readonly evidence?: "simulated" | "refused" | "attached";
  readonly reasserts: number;
  /** When sessions begun before the denial have ended by themselves. */
  readonly liftedAt?: Instant;
};
