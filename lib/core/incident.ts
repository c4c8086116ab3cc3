import type { Authorisation } from "./authority/ruling.ts";
import type { Killed } from "./commands.ts";
import type { Actor } from "./events.ts";
import type { Isolated } from "./isolate.ts";
import type { PrincipalPlan, Quarantined } from "./quarantine.ts";
import type { Reached } from "./resolution.ts";
import type { TimeBoxes } from "./time-box.ts";
import type {
  Credential,
  CredentialId,
  Identifier,
  Instant,
  Rescoped,
  Scenario,
  Scope,
  Undo,
  VersionId,
} from "./types.ts";

/** What shall be done to one credential. */
export type Plan = {
  readonly credential: CredentialId;
  readonly network: string;
  /** Which versions have to die. */
  readonly doomed: "current" | "all" | readonly Identifier[];
  /** The version that takes over, named beforehand so that a resumed containment makes it once. */
  readonly replacement?: VersionId;
  /** Role sessions, as `aws:userid` has them, that must not read what replaces it. */
  readonly withheld?: readonly string[];
  /** Made narrower in place of dying: then nothing is doomed and nothing replaced. */
  readonly rescope?: Scope;
};

/** `undo` was kept before anything was narrowed; the rest came after. */
export type Rescoping = { readonly undo: Undo } & Partial<Rescoped & { readonly narrowedAt: Instant }>;

/** What was done to one credential so far; enough to hold it and to undo it. */
export type Progress = {
  readonly killed: readonly Killed[];
  /** Versions of before that were left for the replacement to supersede. */
  readonly spared: readonly VersionId[];
  /** Beside the current one, noted as working before they were ended: a run that died may have ended them. */
  readonly doomed?: readonly VersionId[];
  /** Since when the replacement is withheld from the sessions that were seen. */
  readonly withheldAt?: Instant;
  readonly replacement?: VersionId;
  readonly installedAt?: Instant;
  readonly rescoping?: Rescoping;
  /** Versions that only people can end, and of which of them they have said so. */
  readonly asked?: readonly VersionId[];
  readonly attested?: readonly VersionId[];
};

/**
 * `claimed` being worked on · `refused` every doomed version was tried and refused · `contained` and it held · `asked`
 * people have not yet attested the end of what only they can end · `void` nothing in force was named · `restored` undone.
 */
export type IncidentState = "claimed" | "refused" | "contained" | "asked" | "void" | "restored";

export type Timeline = {
  readonly activityAt: Instant;
  readonly receivedAt: Instant;
  readonly decidedAt?: Instant;
  /** When the last person whose word it needed gave it. */
  readonly approvedAt?: Instant;
  readonly refusedAt?: Instant;
  readonly verifiedAt?: Instant;
  readonly recordedAt?: Instant;
  readonly heldAt?: Instant;
};

/** The signals about one workload that one containment answers. */
export type Incident = {
  readonly id: string;
  readonly signal: string;
  readonly type: string;
  readonly scenario: Scenario;
  readonly severity: number;
  /** The detector's own name of its finding. */
  readonly finding?: string;
  readonly actor: Actor;
  readonly reason: string;
  /** What authority said of it; absent where there is none. */
  readonly authority?: Authorisation;
  /** Who approved it, where it had to wait for people. */
  readonly approvedBy?: readonly Actor[];
  readonly state: IncidentState;
  readonly plans: readonly Plan[];
  /** Denied before anything else is touched. */
  readonly principals?: readonly PrincipalPlan[];
  /** Watched for at least so long before it counts as contained. */
  readonly holdMs?: number;
  /** Time-boxed: undone so many ms after it was begun. */
  readonly lastsMs?: number;
  /** Which of the config's notifiers are told of it; absent: all. */
  readonly tell?: readonly string[];
  /** When a time-boxed one is undone; known since it was claimed. */
  readonly endsAt?: Instant;
  readonly quarantined?: Readonly<Record<Identifier, Quarantined>>;
  /** Functions throttled to nothing and tasks stopped, once its credentials are refused. */
  readonly isolations?: readonly Identifier[];
  readonly isolated?: Readonly<Record<Identifier, Isolated>>;
  readonly progress: Readonly<Record<CredentialId, Progress>>;
  readonly timeline: Timeline;
};

export type Claim = "claimed" | "done" | "busy";
/** `abandonedBy`: an incident whose lease has ended holds it, and has to be finished first. */
export type CredentialClaim = Claim | { readonly abandonedBy: string };

/** Where incidents live. A claim is one conditional write: dedupe, lock and permission to resume in one. */
export interface Incidents extends TimeBoxes {
  /**
   * `resumed` when it was begun before and its lease has ended, `done` when it was finished, `busy` while another holds
   * the lease.
   */
  claim(incident: Incident, now: Instant, leaseUntil: Instant): Promise<Claim | "resumed">;
  /**
   * `done` when an incident that ended after `activityAt` has answered this credential already, `busy` while another
   * incident works on it. `takeOver` names one that is over and had not let go of it.
   */
  claimCredential(
    credential: CredentialId,
    incident: string,
    at: {
      readonly activityAt: Instant;
      readonly now: Instant;
      readonly leaseUntil: Instant;
      readonly takeOver?: string;
    },
  ): Promise<CredentialClaim>;
  /** Activity before this instant is answered for (absent: nothing was); releases the claim on the credential. */
  answer(credential: CredentialId, incident: string, refusedAt: Instant | undefined): Promise<void>;
  /** Keeps what was done to one credential; others of the same incident may be saved at the same time. */
  progress(incident: string, credential: CredentialId, progress: Progress): Promise<void>;
  /** Keeps what was done to one principal; others of the same incident may be saved at the same time. */
  quarantined(incident: string, quarantined: Quarantined): Promise<void>;
  /** Keeps what was done to one function or task; others of the same incident may be saved at the same time. */
  isolated(incident: string, isolated: Isolated): Promise<void>;
  /** Moves an incident on, unless it has left the state that it had when this one was read. */
  move(
    incident: string,
    from: readonly IncidentState[],
    to: IncidentState,
    timeline: Partial<Timeline>,
  ): Promise<boolean>;
  /** Ends the lease, so that a redelivery need not wait for it. */
  release(incident: string): Promise<void>;
  get(id: string): Promise<Incident | undefined>;
  /** Newest first. */
  recent(limit: number): Promise<readonly Incident[]>;
  /** Every one received since then, oldest first. */
  since(receivedAt: Instant): Promise<readonly Incident[]>;
}

export type Match = {
  readonly credential: Credential;
  readonly matched: readonly Identifier[];
  /** Absent: named by the event or bound to what it names. */
  readonly reached?: Reached;
};

/** The identity index. Holds nothing secret. */
export interface Inventory {
  /** The credentials that these names reach, with the names that led there. */
  find(identifiers: readonly Identifier[]): Promise<readonly Match[]>;
  get(id: CredentialId): Promise<Credential | undefined>;
  /** In one round; what is in no inventory is left out. */
  many(ids: readonly CredentialId[]): Promise<readonly Credential[]>;
  put(credential: Credential): Promise<void>;
  list(): Promise<readonly Credential[]>;
}
