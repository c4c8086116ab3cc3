import type { Secret } from "./secret.ts";
import type { CredentialId, Instant, Stage, VersionId } from "./types.ts";

/** A version by id, by label, or by id provided that it carries the label. */
export type At = { readonly version: VersionId; readonly stage?: Stage } | { readonly stage: Stage };
export type Held = { readonly version: VersionId; readonly value: Secret<unknown> };
/** A copy of the secret in another region: DescribeSecret, ReplicationStatus (API_ReplicationStatusType). */
export type Replica = {
  readonly region: string;
  /** `InSync`, `InProgress` or `Failed`. */
  readonly state: string;
};
export type VaultEntry = {
  readonly id: CredentialId;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly labels: { readonly [S in Stage]?: VersionId };
  /** Absent where the secret has none. */
  readonly replicas?: readonly Replica[];
  readonly schedule?: string;
  readonly rotatedAt?: Instant;
};
/** Secrets Manager, reduced to its staging labels. */
export interface Vault {
  /** Throws Misconfigured when there is no such secret. */
  describe(id: CredentialId): Promise<VaultEntry>;
  /** Undefined when the version or label has no value. Throws Misconfigured when the value is not JSON. */
  read(id: CredentialId, at: At): Promise<Held | undefined>;
  /** Puts a value under AWSPENDING. The same version twice keeps the first value. */
  stage(id: CredentialId, version: VersionId, value: Secret<unknown>, rotationToken?: string): Promise<void>;
  /** Moves AWSCURRENT from `from` to `version`. Twice is once. */
  promote(id: CredentialId, version: VersionId, from: VersionId | undefined): Promise<void>;
  /** Removes AWSPENDING from a version. Twice is once. */
  unstage(id: CredentialId, version: VersionId): Promise<void>;
}
