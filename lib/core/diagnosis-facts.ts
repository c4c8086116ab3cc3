import type { Fault } from "./errors.ts";
import { tagPrefix } from "./names.ts";
import type { CredentialId, Finding, Instant, Rotator, Stage, VersionId } from "./types.ts";

/** What Secrets Manager says of one secret. No value is in it. */
export type SecretFacts = {
  readonly id: CredentialId;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly labels: { readonly [S in Stage]?: VersionId };
  /** When anything of it was changed last, labels included. */
  readonly changedAt?: Instant;
  /** When it was marked for deletion. */
  readonly deletedAt?: Instant;
  readonly rotatedAt?: Instant;
  /** Absent where Secrets Manager keeps no schedule for it. */
  readonly rotation?: { readonly function: string; readonly schedule?: string; readonly dueAt?: Instant };
  /** Absent for the account's own `aws/secretsmanager`. */
  readonly kmsKey?: string;
  readonly replicas: readonly { readonly region: string; readonly state: string; readonly told?: string }[];
  /** The AWS service that owns it and rotates it by itself. */
  readonly managedBy?: string;
  /** What was answered when its current value was asked for and not given. */
  readonly unread?: { readonly name: string; readonly message: string };
};

/** One labelled version, tried at its target. `empty`: the label is on a version without a value. */
export type Tried =
  | { readonly state: "accepted" | "refused" | "absent" | "empty" }
  | { readonly state: "unreadable" | "doubt"; readonly fault: Fault; readonly told: string; readonly code?: string };

export type Tries = Readonly<Record<Stage, Tried>>;

/** Everything that a diagnosis is made from: gathered once, judged without asking again. */
export type Case = {
  readonly secret: SecretFacts;
  readonly rotators: readonly Rotator[];
  readonly network: string;
  /** The rotate function's name, which the secret's schedule should call. */
  readonly functionName: string;
  /** What stopped the tags from being understood. */
  readonly unattached?: string;
  readonly tried: Tries;
  /** The rotator's own findings at the target. */
  readonly inspected: readonly Finding[];
  /** Ms since anything of the secret changed; absent when that is not known. */
  readonly quietMs?: number;
  /** Ms since its rotation was due; negative before. */
  readonly overdueMs?: number;
  /** The containment that keeps it dead on purpose. */
  readonly incident?: string;
};

/** A rotate function may run 5 minutes (cdk/constructs/rotate.ts); three times that without a change, and nobody works. */
export const DEAD_AFTER_MS = 900_000;

/** What can be mended without a person's judgement. */
export type RepairPlan =
  | { readonly do: "nothing"; readonly because: string }
  | { readonly do: "clear" | "promote"; readonly version: VersionId; readonly because: string }
  | { readonly do: "refuse"; readonly because: string; readonly mend: string };

export type Diagnosis = {
  readonly verdict: "well" | "ill";
  readonly findings: readonly Finding[];
  readonly repair: RepairPlan;
};

/** Why the kind is contained and never rotated; undefined where it is rotated. */
export const containedOnly = ({ secret, rotators }: Pick<Case, "secret" | "rotators">): string | undefined =>
  rotators.find(({ kind }) => kind === secret.tags[`${tagPrefix}kind`])?.containedOnly;

/** Why only people replace it; undefined of every other kind. */
export const byPeople = ({ secret, rotators }: Pick<Case, "secret" | "rotators">): string | undefined =>
  rotators.find(({ kind }) => kind === secret.tags[`${tagPrefix}kind`])?.byPeople;

export const well = (check: string, found: string): Finding => ({ check, verdict: "well", found });
export const ill = (check: string, found: string, mend: string): Finding => ({ check, verdict: "ill", found, mend });
export const unknown = (check: string, found: string, mend?: string): Finding => ({
  check,
  verdict: "unknown",
  found,
  ...(mend && { mend }),
});
