import type * as z from "zod/mini";
import type { LifecycleEvent } from "./events.ts";
import type { FactName } from "./fact-names.ts";
import type { Secret } from "./secret.ts";

export type Schema<T> = z.ZodMiniType<T>;
type Brand<B extends string> = string & { readonly __brand: B };

// Words ----------------------------------------------------------------------------------------
/** The ARN of the Secrets Manager secret that stores the credential. */
export type CredentialId = Brand<"credential">;
/** A Secrets Manager VersionId; of a pending version also the ClientRequestToken of the attempt. */
export type VersionId = Brand<"version">;
/** Whatever names a running workload in tag `rekey:workload`: a role ARN or a name of the owner's. */
export type WorkloadId = Brand<"workload">;
/** ISO 8601, UTC, milliseconds; minted only by a Clock. */
export type Instant = Brand<"instant">;
/**
 * A name by which detectors and targets know a workload or credential, `<kind>:<rest>`, lower-case kind:
 * `secret:<arn>` · `name:<secret name>` · `aws-key:<AKIA…>` · `iam-user:<account>/<name>` · `iam-role:<account>/<name>` ·
 * `role-session:<AROA…>:<session>` · `db:<host>:<port>/<login>` · `rds:<instance or cluster id>/<login>` ·
 * `workload:<id>` · `instance:<i-…>` · `function:<account>/<name>/<resource>` · `sha256:<hex of a value>`. Account, not partition, tells AWS names apart.
 */
export type Identifier = `${string}:${string}`;
export type Stage = "current" | "pending" | "previous";

/** One thing that authenticates a workload, as the inventory knows it. Holds nothing secret. */
export type Credential = {
  readonly id: CredentialId;
  readonly name: string;
  readonly kind: string;
  readonly workload: WorkloadId;
  /** Which spoke reaches its target: selects the rotate function `<prefix>-rotate-<network>`. */
  readonly network: string;
  /** Never contained automatically; a person's explicit command still may. */
  readonly protected: boolean;
  readonly identifiers: readonly Identifier[];
  readonly schedule?: string;
  readonly rotatedAt?: Instant;
  /**
   * Tags `rekey:environment`, `rekey:tier`, `rekey:owned-by`, `rekey:data-class` and `rekey:privilege`; absent where there
   * is none.
   */
  readonly environment?: string;
  readonly tier?: string;
  readonly owner?: string;
  readonly dataClass?: string;
  readonly privilege?: string;
};

/**
 * How the anomaly classifies: `exfiltrated`, the credential is used from elsewhere and the workload goes on with
 * a replacement; `compromised`, the attacker reads whatever the workload reads, so nothing fresh is issued.
 */
export type Scenario = "exfiltrated" | "compromised";

/** One normalised anomaly, whichever detector saw it. Text from outside is in `untrusted` only. */
export type Signal = {
  /** Stable across redelivery and repeats of one finding; the idempotency key. */
  readonly id: string;
  readonly source: string;
  /** The detector's own type, such as `CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin`. */
  readonly type: string;
  readonly scenario: Scenario;
  /** 0 to 100. */
  readonly severity: number;
  /** When the detector saw the activity: where time to contain starts. */
  readonly activityAt: Instant;
  readonly account: string;
  /** Most specific first. */
  readonly subjects: readonly Identifier[];
  /**
   * Present when it must not act: a detector's sample, an archive replay, a type that outsiders can provoke, a finding
   * that is closed, or a body that came by no authenticated channel.
   */
  readonly inert?: "sample" | "replay" | "provokable" | "archived" | "unbound";
  /** What else the event tells, one word or a list of words each; lib/core/facts.ts names them. */
  readonly facts?: SignalFacts;
  /** Text of the detector's, capped and stripped of control characters and secrets; data, never instruction. */
  readonly untrusted: string;
};

/** What every signal tells or gives a reason for not telling. */
export type Answered = "serviceAccount" | "tokenSource" | "secretPath" | "privilegeScope" | "containmentPath";
export type Fact = string | number | boolean | readonly string[];
export type SignalFacts = {
  readonly unresolved?: { readonly [A in Answered]?: string };
} & { readonly [name in Answered | FactName]?: Fact };

/** The authenticated way by which a detector's body came. It alone says for which account and cluster the body speaks. */
export type Channel = {
  readonly name: string;
  readonly account?: string;
  readonly cluster?: string;
};

// What the world provides (ports) --------------------------------------------------------------
export interface Clock {
  now(): Instant;
  /** The instant `ms` milliseconds after another. */
  after(instant: Instant, ms: number): Instant;
  /** Milliseconds from one instant to another; negative when the second is earlier. */
  between(from: Instant, to: Instant): number;
  /** Milliseconds that only grow. */
  ticks(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
/** Makes SDK clients once each; tests aim it at loopback. */
export type Aws = <C>(Client: new (config: object) => C, config?: object) => C;
export type Deps = {
  readonly aws: Aws;
  readonly clock: Clock;
  /** Bytes from the platform's CSPRNG. */
  readonly random: (bytes: number) => Uint8Array;
  /** Reads the JSON of another secret: the admin credential of a target. Throws Misconfigured when absent. */
  readonly readAdmin: (id: string) => Promise<Secret<unknown>>;
};

/** An event's place in its stream. */
export type Taken = { readonly seq: number };
/** Why an event was not taken. It may be stored all the same where the answer was lost: appending it again is safe. */
export type NotTaken = { readonly error: unknown };

/** Append-only, gapless per stream, deterministic ids: appending twice is once (the first wins). */
export interface Ledger {
  append(event: LifecycleEvent): Promise<Taken>;
  /**
   * Appends many, those of one stream in their order, and answers for each. Never rejects: what could not become an
   * entry holds up no other, and after any other failure the rest is not tried, so that no event is taken before an
   * earlier one of its stream.
   */
  appendBatch(events: readonly LifecycleEvent[]): Promise<readonly (Taken | NotTaken)[]>;
  /** In order of `seq`. */
  history(stream: string): Promise<readonly Recorded[]>;
  /** Newest first. */
  recent(stream: string, limit: number): Promise<readonly Recorded[]>;
}
export type Recorded = LifecycleEvent & {
  readonly seq: number;
  readonly receivedAt: Instant;
  /** Place in the sealed log; absent until sealed. */
  readonly index?: number;
};
/** Where events wait that the ledger did not take. */
export interface Spool {
  put(event: LifecycleEvent): Promise<void>;
}

// What a contributor provides (plugins) ----------------------------------------------------------
/**
 * An IAM statement that a plugin needs. `${account}`, `${region}`, `${partition}`, `${prefix}` and `${network}` in resources
 * and condition values are filled in at deploy.
 */
export type Grant = {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

type Attempt<T> = { readonly target: T; readonly signal: AbortSignal };
export type IssueRequest<T, M> = Attempt<T> & {
  /** Absent only before the first rotation. */
  readonly current: Secret<M> | undefined;
  readonly previous: Secret<M> | undefined;
};
export type InstallRequest<T, M> = Attempt<T> & { readonly next: Secret<M>; readonly current: Secret<M> | undefined };
export type VerifyRequest<T, M> = Attempt<T> & { readonly material: Secret<M> };
export type RevokeRequest<T, M> = Attempt<T> & {
  readonly material: Secret<M>;
  /** Versions that stay in force and must not be harmed. */
  readonly keep: readonly Secret<M>[];
  /** Where a kept version shares the login: only sessions begun before this end. Absent: before this call. */
  readonly begunBefore?: Instant;
};
/** What `restore` needs beside the material. JSON, nothing secret. */
export type Undo = Readonly<Record<string, string | number | boolean | null>>;
export type Revoked = {
  readonly undo: Undo;
  readonly sessionsEnded: number;
  /** When the target stopped taking the material, if that was before its sessions had ended. */
  readonly refusedAt?: Instant;
  /** How long after this instant something begun earlier could still come alive, in ms; hold covers it. */
  readonly settlesInMs: number;
  /** Why nothing can be issued in its place, where that is so of this credential and not of its whole kind. */
  readonly containedOnly?: string;
};

/** What a credential may still do once it was made narrower. */
export type Scope = "read-only";
export type RescopeRequest<T, M> = VerifyRequest<T, M> & {
  readonly scope: Scope;
  /** Only sessions begun before this end. Absent: before this call. */
  readonly begunBefore?: Instant;
};
/** Narrower, and tried as the workload. */
export type Rescoped = Pick<Revoked, "sessionsEnded" | "settlesInMs">;

/**
 * How a rotation spares the workload. `overlap`: the target takes two versions of one credential at once. `alternate`:
 * two credentials take turns. `single`: the current version is refused from the moment that the next is in force.
 */
export type Strategy = "overlap" | "alternate" | "single";

/** What the reference says of a kind, a few words each. */
export type Facts = {
  /** Which sessions a revoke ends. */
  readonly sessions: string;
  /** How long the workload's current version is refused by a rotation. */
  readonly window: string;
  /** What its contract test runs against, with versions. */
  readonly testedAgainst: string;
};

/** Who still uses one version. What a target cannot tell is absent. */
export type Use = {
  readonly sessions?: number;
  readonly lastUsedAt?: Instant;
  /** Who they are, as the target knows them: an application name, a client address, a service. Nothing secret. */
  readonly by: readonly {
    readonly who: string;
    readonly count: number;
    /** When the first and the last of them began, on our clock. */
    readonly firstAt?: Instant;
    readonly lastAt?: Instant;
  }[];
};

/** One thing that a doctor looked at. */
export type Finding = {
  /** Such as `network`, `admin rights`, `owner role`. */
  readonly check: string;
  readonly verdict: "well" | "ill" | "unknown";
  /** What was found, in a sentence without secrets. */
  readonly found: string;
  /** What to do about it, when ill. */
  readonly mend?: string;
};

export interface RotatorVerbs<T, M> {
  /** Makes the next material; `current` keeps working. Side effects outside are allowed only with `sweep`. */
  issue(request: IssueRequest<T, M>): Promise<Secret<M>>;
  /** Puts `next` in force. Installing twice is installing once. */
  install(request: InstallRequest<T, M>): Promise<void>;
  /** Resolves if the material authenticates; throws Unusable if *refused*; anything else is doubt. */
  verify(request: VerifyRequest<T, M>): Promise<void>;
  /** Ends this material and its sessions. Revoking what is already gone succeeds. */
  revoke(request: RevokeRequest<T, M>): Promise<Revoked>;
  /** Undoes a revoke: the material authenticates again. Twice is once. */
  restore?(request: VerifyRequest<T, M> & { readonly undo: Undo }): Promise<void>;
  /** How wide the credential is, as `widen` needs it: read and kept before anything is narrowed. */
  scope?(request: RescopeRequest<T, M>): Promise<Undo>;
  /**
   * Makes every login of the credential narrower, ends the sessions that may do more, and tries what must now be
   * refused. The material goes on authenticating. Narrowing twice is narrowing once.
   */
  rescope?(request: RescopeRequest<T, M>): Promise<Rescoped>;
  /** Undoes a rescope. Throws Conflict when somebody changed it meanwhile. Twice is once. */
  widen?(request: VerifyRequest<T, M> & { readonly undo: Undo }): Promise<void>;
  /** Who uses this version now or did last. Reads only. Absent where the target cannot tell. */
  uses?(request: VerifyRequest<T, M>): Promise<Use>;
  /** What a rotation and a revoke would need at this target, tried without changing anything. */
  inspect?(request: Attempt<T> & { readonly current: Secret<M> | undefined }): Promise<readonly Finding[]>;
  /** Removes what a crash of ours orphaned between `issue` and storing, and nothing else. */
  sweep?(request: Attempt<T> & { readonly keep: readonly Secret<M>[] }): Promise<void>;
}

export interface Rotator<T = unknown, M = unknown, Kind extends string = string> {
  readonly kind: Kind;
  /** One line for people. */
  readonly title: string;
  /** What whoever operates it has to know, a sentence or two each; the reference shows them. */
  readonly notes?: readonly string[];
  /** Of the secret's tags: record of tag name without `rekey:` → value. Unknown keys are ignored. */
  readonly target: Schema<T>;
  /** Of the secret's JSON, as the workload reads it. Must keep fields it does not know. */
  readonly material: Schema<M>;
  readonly facts: Facts;
  /** All that `strategy` may answer. */
  readonly strategies: readonly Strategy[];
  /** Whether its verbs have `restore`. */
  readonly restores: boolean;
  /** Why its credentials are contained and never rotated, a sentence for people; absent where they are rotated. */
  readonly containedOnly?: string;
  /**
   * Why only people can make, try and end its versions, a sentence; absent of every other kind. Its four verbs then throw
   * AwaitingPerson, and an attestation with evidence stands where a try would.
   */
  readonly byPeople?: string;
  /** What its `rescope` can narrow a credential to; absent where it has none. */
  readonly scopes?: readonly Scope[];
  /** True where `issue` asks and changes nothing outside: a rehearsal may take a next version from it and forget it. */
  readonly pureIssue?: true;
  strategy(target: T): Strategy;
  /**
   * What is locked while a version of this credential changes: the same for every secret that changes the same thing at
   * the same target, whatever the secret is called. Lower case where the target does not tell case apart.
   */
  identity(target: T, material: M | undefined, account: string): Identifier;
  readonly grants: readonly Grant[];
  /** Tags and JSON that pass the two schemas; the reference and the contract suite use them. */
  readonly example: {
    readonly tags: Readonly<Record<string, string>>;
    readonly material: Readonly<Record<string, unknown>>;
  };
  /** Names by which detectors may call this credential. Nothing secret. */
  identifiers(target: T, material: M, account: string): readonly Identifier[];
  connect(deps: Deps): RotatorVerbs<T, M>;
}

/** An EventBridge pattern: becomes the rule in every spoke and picks the source for an event. */
export type Pattern = {
  readonly source: readonly string[];
  readonly "detail-type": readonly string[];
  /** Narrows the rule to events that the schema takes; the source is picked without it. */
  readonly detail?: Readonly<Record<string, unknown>>;
};

/** How a source reads what it takes. */
export type Reading<E = unknown> = {
  readonly event: Schema<E>;
  /**
   * Pure. Empty when the event is well-formed but names nothing of ours. Account and cluster of a body that came by a
   * channel are the channel's.
   */
  normalize(event: E, channel: Channel | undefined): readonly Signal[];
};

/** What a detector's own API tells of a span of time, as the events that EventBridge should have brought. */
export type Poll = {
  since(
    by: Pick<Deps, "aws" | "clock">,
    span: { readonly from: Instant; readonly to: Instant },
    signal: AbortSignal,
  ): AsyncIterable<PolledEvent>;
};
export type PolledEvent = {
  readonly source: string;
  readonly "detail-type": string;
  readonly time: Instant;
  readonly detail: unknown;
};

export interface SignalSource {
  readonly name: string;
  readonly title: string;
  /** Where EventBridge brings its events. */
  readonly pattern?: Pattern;
  /**
   * Its events are calls that change nothing. CloudTrail makes millions of them, and EventBridge brings them only to a
   * rule that asks for them (state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS), so its owner has to want it.
   */
  readonly readOnly?: true;
  /**
   * Where a channel brings its bodies: the places that together tell its bodies from all others'. Each is a path with
   * dots, or several of which one must be there.
   */
  readonly shape?: readonly (string | readonly string[])[];
  /** Asks the detector itself what EventBridge may have lost on the way. */
  readonly poll?: { readonly grants: readonly Grant[]; readonly load: () => Promise<Poll> };
  /** Its code and schema, loaded when an event of its own is there: a cold start pays for none of the others. */
  load(): Promise<Reading>;
}

export const defineRotator = <T, M, const K extends string>(rotator: Rotator<T, M, K>) => rotator;
export const defineSource = <S extends SignalSource>(source: S): S => source;
export const reading = <E>(one: Reading<E>): Reading => one as unknown as Reading;
