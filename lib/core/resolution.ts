import type { Match } from "./incident.ts";
import type { CredentialId, Identifier, Instant } from "./types.ts";

/**
 * What may be done to a principal. `own`: Rekey's own. `break-glass`: named so by its owner. `service-linked` and `sso`:
 * AWS lets nobody edit their policies in the account (IAM user guide, service-linked roles; Identity Center's reserved
 * roles). `root` cannot be denied at all.
 */
export type PrincipalClass = "ordinary" | "own" | "break-glass" | "service-linked" | "sso" | "root";

/** An IAM role or user, as the identity index knows it. Holds nothing secret. */
export type Principal = {
  /** `iam-role:<account>/<name>` or `iam-user:<account>/<name>`. */
  readonly id: Identifier;
  readonly arn: string;
  /** `AROA…` or `AIDA…`; absent where only the name is known. */
  readonly uniqueId?: string;
  readonly class: PrincipalClass;
  /** Workloads known to run as it: functions, task definitions, instance profiles, service accounts. */
  readonly consumers: readonly Identifier[];
};

/** What of a principal an event shows, so that less than the whole of it may be denied. Each list may be empty. */
export type Narrowed = {
  /** As `aws:userid` has them: `AROA…:<session>`. */
  readonly sessions: readonly string[];
  readonly podUids: readonly string[];
  /** ARNs. */
  readonly instances: readonly string[];
  /** ARNs. */
  readonly functions: readonly string[];
  /** Secrets that it may read by its own policies and is not known to have read. */
  readonly unread?: readonly CredentialId[];
};

/** A principal that a signal's subjects lead to. */
export type Implicated = {
  readonly principal: Principal;
  readonly narrowed: Narrowed;
  /** The subject that led there, then each step. */
  readonly path: readonly Identifier[];
};

/**
 * How a credential is reached. `named` by the event itself · `bound` declared as the workload's · `did` the identity has
 * read its secret · `can` its policies allow it to.
 */
export type Edge = "named" | "bound" | "did" | "can";

/** What makes one match reached, beside its names. */
export type Reached = {
  readonly edge: Edge;
  readonly path: readonly Identifier[];
  /** Some step rests on what only the request tells: it may not lead there. */
  readonly unsure?: true;
  readonly lastUsedAt?: Instant;
  readonly uses?: number;
};

/** A signal's subjects resolved: every credential of its account that they reach, every principal that they run as. */
export type Resolution = {
  readonly matches: readonly Match[];
  readonly principals: readonly Implicated[];
  /** Subjects that the index knows nothing of, with the reason. */
  readonly unresolved: readonly { readonly subject: Identifier; readonly why: string }[];
};
