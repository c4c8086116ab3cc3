import type { Timing } from "./schedule-timing.ts";
import type { CredentialId, Instant, VersionId } from "./types.ts";

/** One credential's place in the timetable. */
export type Due = {
  readonly credential: CredentialId;
  readonly name: string;
  readonly network: string;
  /** What is rotated one at a time and waits as one after failures. */
  readonly target: string;
  readonly timing: Timing;
  /** The oldest turn that is not done: names the attempt, and the event if it stays undone. */
  readonly owed: Instant;
  /** Not tried before. */
  readonly startAt: Instant;
  /** Not started after: the window of the turn. */
  readonly closesAt?: Instant;
  /** Overdue from then on. */
  readonly lateAt: Instant;
  /** Since when it is known to be overdue. */
  readonly overdueAt?: Instant;
  /** Failures in a row; how many versions they used up. */
  readonly failures: number;
  readonly attempt: number;
  readonly why?: string;
  /** Since when its owed turn waits for a person. */
  readonly askedAt?: Instant;
  readonly triedAt?: Instant;
  readonly rotatedAt?: Instant;
  /** In nobody's timetable: it has no schedule any more, or there is no such secret. */
  readonly parked?: boolean;
  /** Grows with every write: whoever has read an older one writes nothing. */
  readonly revision: number;
};
/** How a target has behaved. */
export type TargetState = { readonly target: string; readonly failures: number; readonly until: Instant };

/** When each version of a secret was made, and which is current. */
export type Made = {
  readonly made: readonly Instant[];
  readonly current?: VersionId;
  readonly currentMade?: Instant;
};

/** Who is due when. */
export interface Timetable {
  get(id: CredentialId): Promise<Due | undefined>;
  /** True when it was written: nobody has written since `due.revision` was read. Stored with the next revision. */
  put(due: Due): Promise<boolean>;
  /** Those to be looked at by now, longest waiting first. */
  due(now: Instant, limit: number): Promise<readonly Due[]>;
  /** Those that are overdue, longest first. */
  overdue(): Promise<readonly Due[]>;
  target(name: string): Promise<TargetState | undefined>;
  putTarget(state: TargetState): Promise<void>;
  /** One clock at a time: true when nobody else holds the lease. */
  lease(owner: string, now: Instant, until: Instant): Promise<boolean>;
  release(owner: string): Promise<void>;
}

/** When the clock looks at it: to start it, or to tell that it is late. */
export const lookAt = ({ startAt, lateAt, overdueAt }: Due): Instant =>
  !overdueAt && lateAt < startAt ? lateAt : startAt;
