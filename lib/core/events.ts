import type { Identifier, Instant, Scenario, VersionId } from "./types.ts";

/** Who did it. `principal` is an ARN, a playbook's name or a function's; an opaque id, never personal data. */
export type Actor = { readonly kind: "schedule" | "playbook" | "human" | "service"; readonly principal: string };

type Shapes = {
  "inventory.registered": { readonly kind: string; readonly workload: string; readonly network: string };
  "rotation.started": { readonly version: VersionId; readonly kind: string };
  "rotation.succeeded": {
    readonly version: VersionId;
    readonly replaced: VersionId | null;
    /** Null where the steps ran in more than one process, so that nobody measured. */
    readonly durationMs: number | null;
  };
  "rotation.failed": { readonly version: VersionId; readonly step: string; readonly error: string };
  "signal.received": {
    readonly signal: string;
    readonly source: string;
    readonly type: string;
    readonly scenario: Scenario;
    readonly severity: number;
    readonly subjects: readonly Identifier[];
    readonly activityAt: Instant;
  };
  "signal.rejected": { readonly messageId: string; readonly reason: string };
  "signal.ignored": { readonly signal: string; readonly reason: string };
  "containment.started": {
    readonly incident: string;
    readonly scenario: Scenario;
    readonly actions: readonly string[];
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
  /** Still refused after everything begun earlier had to have ended. */
  "containment.held": { readonly incident: string; readonly refused: readonly VersionId[]; readonly reasserts: number };
  "containment.failed": { readonly incident: string; readonly step: string; readonly error: string };
  "containment.restored": { readonly incident: string; readonly versions: readonly VersionId[] };
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

/** The stream of events that belong to no credential. */
export const SIGNALS = "signals";
