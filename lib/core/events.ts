import type { Evidence } from "./attestation.ts";
import type { Drilled } from "./drill.ts";
import type { Observed } from "./identity/observed.ts";
import type { Moment } from "./notice.ts";
import type { Rung } from "./quarantine.ts";
import type { Edge } from "./resolution.ts";
import type { CredentialId, Identifier, Instant, Scenario, Scope, VersionId } from "./types.ts";

/** Who did it. `principal` is an ARN, a playbook's name or a function's; an opaque id, never personal data. */
export type Actor = {
  readonly kind: "schedule" | "playbook" | "human" | "agent" | "service";
  readonly principal: string;
};

type Shapes = {
  "inventory.registered": { readonly kind: string; readonly workload: string; readonly network: string };
  "rotation.started": { readonly version: VersionId; readonly kind: string };
  "rotation.succeeded": {
    readonly version: VersionId;
    readonly replaced: VersionId | null;
    /** Null where the steps ran in more than one process, so that nobody measured. */
    readonly durationMs: number | null;
  };
  /** Should have been replaced by a schedule and was not: `owed` is the turn that was missed. */
  "rotation.overdue": {
    readonly owed: Instant;
    readonly keeper: string;
    readonly schedule: string;
    readonly why: string;
  };
  /** A turn of the schedule has come that only a person can take: people were asked. */
  "rotation.asked": { readonly owed: Instant; readonly schedule: string };
  /** A person's word, with where its evidence is, about a version that nothing else can make, try or end. */
  "version.attested": {
    readonly version: VersionId;
    readonly says: "replaced" | "ended";
    readonly evidence: readonly Evidence[];
  };
  /** A version that a rotation had replaced was tried and refused. */
  "version.retired": { readonly version: VersionId; readonly replacedAt: Instant; readonly sessionsEnded: number };
  /** The table of what is to be done is a backup of one: nothing is retired by it until a person accepts it. */
  "state.restored": Readonly<Record<string, never>>;
  "rotation.failed": { readonly version: VersionId; readonly step: string; readonly error: string };
  /** A dead attempt was ended: its version made current because the target takes it, or its label cleared. */
  "rotation.repaired": {
    readonly version: VersionId;
    readonly repair: "promote" | "clear";
    readonly replaced: VersionId | null;
    readonly found: string;
  };
  /** Every consumer that the secret names runs with this version, but those that the secret's owner lets fail. */
  "consumers.refreshed": {
    readonly version: VersionId;
    readonly done: readonly string[];
    readonly failed: readonly string[];
  };
  /** A wave failed: nothing of the later ones was begun, and the version before lives on. */
  "consumers.stalled": {
    readonly version: VersionId;
    readonly wave: number;
    readonly failed: readonly { readonly consumer: string; readonly why: string }[];
    readonly left: readonly string[];
  };
  /** `version` null: the consumer has left the registry. */
  "consumer.acknowledged": { readonly consumer: string; readonly version: VersionId | null };
  "signal.received": {
    readonly signal: string;
    readonly source: string;
    readonly type: string;
    readonly scenario: Scenario;
    readonly severity: number;
    readonly subjects: readonly Identifier[];
    readonly activityAt: Instant;
    readonly account: string;
    /** Why it never acts, where it does not. */
    readonly inert: string | null;
    /** How it leads to the credential of this stream, with each step; null where it leads to none. */
    readonly reached: { readonly edge: Edge; readonly path: readonly Identifier[] } | null;
    /** Subjects that lead nowhere, each with the reason. */
    readonly unresolved: readonly { readonly subject: Identifier; readonly why: string }[];
  };
  "signal.rejected": { readonly messageId: string; readonly reason: string };
  "signal.ignored": { readonly signal: string; readonly reason: string };
  "containment.started": {
    readonly incident: string;
    readonly scenario: Scenario;
    readonly actions: readonly string[];
    /** What authority allowed, and the ids of the policies that decided; null where there is none. */
    readonly authority: "execute" | "propose" | "break-glass" | null;
    readonly policies: readonly string[];
  };
  /** Every version that had to die was tried and refused. */
  "containment.effective": {
    readonly incident: string;
    readonly refused: readonly VersionId[];
    readonly replacement: VersionId | null;
    readonly sessionsEnded: number;
    readonly activityToRefusedMs: number;
    readonly receivedToRefusedMs: number;
    readonly receivedToVerifiedMs: number;
  };
  /** Goes on authenticating, and what it must no longer do was tried and refused. */
  "containment.narrowed": {
    readonly incident: string;
    readonly scope: Scope;
    readonly sessionsEnded: number;
    readonly activityToNarrowedMs: number;
    readonly receivedToNarrowedMs: number;
  };
  /** Only people can end these versions: they were asked, and nothing is contained yet. */
  "containment.asked": {
    readonly incident: string;
    readonly versions: readonly VersionId[];
    readonly receivedToAskedMs: number;
  };
  /** People have attested the end of every version that they were asked for. Nobody has tried it. */
  "containment.attested": {
    readonly incident: string;
    readonly versions: readonly VersionId[];
    readonly activityToAttestedMs: number;
    readonly receivedToAttestedMs: number;
  };
  /** Still refused after everything begun earlier had to have ended. */
  "containment.held": { readonly incident: string; readonly refused: readonly VersionId[]; readonly reasserts: number };
  /** A principal is denied what its rung says; `evidence` null until IAM has shown it. Again with each re-assertion. */
  "containment.quarantined": {
    readonly incident: string;
    readonly principal: Identifier;
    readonly rung: Rung;
    readonly evidence: "simulated" | "refused" | "attached" | null;
    readonly reasserts: number;
    readonly activityToDeniedMs: number;
    readonly receivedToDeniedMs: number;
  };
  /** `drift`: what was found other than as Rekey had written it. */
  "containment.quarantine_lifted": {
    readonly incident: string;
    readonly principal: Identifier;
    readonly drift: readonly string[];
  };
  /** Nothing invokes a function any more, or a task is stopped; `seen` once a look has shown it. Again with each re-assertion. */
  "containment.isolated": {
    readonly incident: string;
    readonly target: Identifier;
    readonly seen: boolean;
    readonly reasserts: number;
    readonly activityToIsolatedMs: number;
    readonly receivedToIsolatedMs: number;
  };
  /** `drift`: what somebody had changed, which stays. `keptFor`: another incident that keeps it isolated. */
  "containment.isolation_lifted": {
    readonly incident: string;
    readonly target: Identifier;
    readonly drift: readonly string[];
    readonly keptFor: string | null;
  };
  /** Sessions that were seen are denied to read the secret that holds the replacement. Again with each re-assertion. */
  "containment.withheld": { readonly incident: string; readonly sessions: readonly string[]; readonly again: boolean };
  "containment.withholding_lifted": { readonly incident: string };
  "containment.failed": { readonly incident: string; readonly step: string; readonly error: string };
  /** A time-boxed containment's time is over. `keptFor`: the later incident that still keeps this credential dead. */
  "containment.expired": {
    readonly incident: string;
    readonly endsAt: Instant;
    readonly keptFor: string | null;
  };
  /** `versions` authenticate again; none where a narrowing was taken back. */
  "containment.restored": { readonly incident: string; readonly versions: readonly VersionId[] };
  /** A containment waits for people: what it is, by its hash, and what happens when nobody answers. */
  "approval.requested": {
    readonly proposal: string;
    readonly hash: string;
    readonly why: string;
    readonly needs: number;
    readonly expiresAt: Instant;
    readonly onExpiry: "nothing" | "narrow";
  };
  "approval.granted": {
    readonly proposal: string;
    readonly hash: string;
    readonly approvals: number;
    readonly needs: number;
  };
  "approval.denied": { readonly proposal: string; readonly hash: string };
  /** Nobody had answered by then, and more people were told. */
  "approval.escalated": { readonly proposal: string; readonly hash: string };
  /** Nobody had answered: nothing is done, or the narrowest rung alone. */
  "approval.expired": {
    readonly proposal: string;
    readonly hash: string;
    readonly outcome: "nothing" | "narrow";
  };
  /** Somebody was told of a moment: by which notifier, and how long after the signal came, where there was one. */
  "people.told": {
    readonly incident: string | null;
    readonly moment: Moment;
    readonly notifier: string;
    readonly kind: string;
    readonly receivedToToldMs: number | null;
  };
  /** Who reads a credential and who may, as a look at its account found it; at most one a day while only counts grow. */
  "access.observed": Observed;
  /** A finding of that query about the credential does not count until then: a person's word, with the reason. */
  "exception.granted": {
    readonly exception: string;
    readonly query: string;
    readonly until: Instant;
    readonly ticket: string | null;
  };
  "exception.revoked": { readonly exception: string };
  /** A canary was contained, or was not: what holds of readiness. In stream `drills`. */
  "drill.completed": Drilled;
  /** Some of the credentials of an access review; several events where they are many. */
  "review.scoped": { readonly credentials: readonly CredentialId[] };
  /** An access review of what the first `size` entries say, after its scope was told. */
  "review.opened": {
    readonly size: number;
    readonly root: string;
    readonly scope: string;
    readonly items: number;
    readonly deadline: Instant;
    readonly byDefault: "revoke" | "escalate";
  };
  "review.decided": {
    readonly credential: CredentialId;
    readonly decision: "keep" | "rescope" | "revoke" | "transfer";
    readonly incident: string | null;
    readonly to: string | null;
  };
  /** Everything decided is done; `digest` (SHA-256, hex) is of the whole review. */
  "review.signed": {
    readonly items: number;
    readonly kept: number;
    readonly rescoped: number;
    readonly revoked: number;
    readonly transferred: number;
    readonly escalated: number;
    readonly hasty: number;
    readonly digest: string;
  };
  /** The log is alive, though nothing happened. */
  "ledger.heartbeat": Readonly<Record<string, never>>;
  /** The whole log was hashed anew, from its entries up. */
  "ledger.verified": {
    readonly good: boolean;
    readonly size: number;
    readonly root: string | null;
    readonly findings: number;
    readonly first: string | null;
  };
  /**
   * The log's key gives way to another; both are verifier keys. `note` says so under both (lib/core/ledger/handover.ts):
   * who trusts the one may trust the other.
   */
  "ledger.key.rotated": { readonly from: string; readonly to: string; readonly note: string };
  /** The last entry of a shard of the log: it never changes from here on. `next`: the origin that the log goes on under. */
  "ledger.shard.closed": { readonly next: string };
  /** The first entry of a later shard: as what the one before it ended, and how many entries all before it have. */
  "ledger.shard.opened": {
    readonly previous: { readonly origin: string; readonly size: number; readonly root: string };
    readonly before: number;
  };
  /** Witnesses outside the account have seen the log grow to this size, and nothing else of it. `root`: base64. */
  "ledger.checkpoint.cosigned": {
    readonly size: number;
    readonly root: string;
    readonly witnesses: readonly string[];
  };
  /** A witness has seen another history of the log than this one. */
  "ledger.fork.detected": {
    readonly by: string;
    readonly size: number;
    readonly root: string;
    readonly why: string;
  };
  /** A day of CloudTrail was compared with the ledger; `missing`: what was done to a credential and is not told. */
  "ledger.reconciled": {
    readonly from: Instant;
    readonly to: Instant;
    readonly compared: number;
    readonly missing: number;
    /** Whether all that CloudTrail has was read. */
    readonly isWhole: boolean;
    readonly first: {
      readonly credential: string;
      readonly deed: string;
      readonly name: string;
      readonly at: Instant;
    } | null;
  };
  /** An event that waits is not what was appended, or the one before it is gone: its stream is not sealed on. */
  "ledger.tampered": {
    readonly stream: string;
    readonly event: string;
    readonly seq: number;
    readonly why: string;
  };
  /** Somebody took an evidence pack: of what, and of which log. */
  "evidence.taken": { readonly what: string; readonly size: number; readonly root: string };
};
export type EventType = keyof Shapes;

/** One thing that happened to a credential, in the past tense. No field can hold material. */
export type LifecycleEvent = {
  [K in EventType]: {
    /** Deterministic: derived from the attempt or incident and the type, so that a retry appends nothing twice. */
    readonly id: string;
    /** The credential, or `signals` for what no credential is known for. */
    readonly stream: string;
    readonly type: K;
    readonly at: Instant;
    readonly actor: Actor;
    readonly reason?: string;
    readonly data: Shapes[K];
  };
}[EventType];

/** The stream of events about Rekey's own state. */
export const STATE = "state";
/** The stream of events that belong to no credential. */
export const SIGNALS = "signals";
/** The stream of what is told of the log itself. */
export const LOG = "ledger";
/** The stream of what reviewers did. */
export const REVIEW = "review";
