import type { Policy } from "../policy/document.ts";
import type { CredentialId, Identifier, Instant } from "../types.ts";

/** An IAM role or user with the policies that speak for it. */
export type Entity = {
  readonly id: Identifier;
  readonly kind: "role" | "user";
  readonly arn: string;
  readonly name: string;
  readonly path: string;
  readonly account: string;
  readonly uniqueId: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Its own, inline and managed, and of a user's groups. */
  readonly policies: readonly Policy[];
  readonly boundary?: Policy;
  /** Who may assume a role. */
  readonly trust?: Policy;
};

/** What the index is collected from, each part by itself: one that fails keeps what was known of it. */
const PARTS = ["entities", "keys", "functions", "tasks", "clusters"] as const;
export type Part = (typeof PARTS)[number];

/** A name by which detectors know something that acts as a principal. */
export type Runs = {
  readonly name: Identifier;
  readonly principal: Identifier;
  /** Where the name is a glob, as of service accounts in a trust policy. */
  readonly isPattern?: true;
};

/** A name of a workload that is given a secret's value when it starts. */
export type Holds = { readonly name: Identifier; readonly secret: CredentialId };

/** A secret of ours, without its value. */
export type StoredSecret = {
  readonly id: CredentialId;
  readonly tags: Readonly<Record<string, string>>;
  readonly policy?: Policy;
  /** ARN of the KMS key of its own; absent with the account's own key for Secrets Manager. */
  readonly key?: string;
  /** Of that key; absent where it could not be read. */
  readonly keyPolicy?: Policy;
};

/** One reading of a secret's value, as CloudTrail recorded it. */
export type SecretRead = { readonly principal: Identifier; readonly secret: string; readonly at: Instant };

/** When an access key last signed a request that was not Rekey's own trial of it. */
export type KeyUse = { readonly name: Identifier; readonly at: Instant };

/** What could be collected, and what not. */
export type Collected<T> = { readonly found: readonly T[]; readonly problem?: string };

/** The account as its own APIs tell it. Reads only, and never a value: no secret's, no environment's. */
export interface AccountReader {
  /** Throws when it cannot be told: without it there is no index. */
  entities(): Promise<readonly Entity[]>;
  keys(users: readonly Entity[]): Promise<Collected<Runs>>;
  /** Of those keys of the users that are named. */
  keyUses(users: readonly Entity[], names: ReadonlySet<Identifier>): Promise<Collected<KeyUse>>;
  functions(): Promise<Collected<Runs>>;
  tasks(): Promise<Collected<Runs | Holds>>;
  clusters(roles: readonly Entity[]): Promise<Collected<Runs>>;
  /** Instance profiles, which come with the roles. */
  profiles(): Promise<readonly Runs[]>;
  secrets(ids: readonly CredentialId[]): Promise<Collected<StoredSecret>>;
  /** Readings from one instant to another. */
  reads(from: Instant, to: Instant): Promise<Collected<SecretRead>>;
}
