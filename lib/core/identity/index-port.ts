import type { Principal, Reached } from "../resolution.ts";
import type { CredentialId, Identifier, Instant } from "../types.ts";
import type { Part } from "./facts.ts";

/** A name leads to what it acts as, or to a credential whose value it was given. */
export type Lead =
  | {
      readonly principal: Identifier;
      /** Where the name is a glob. */
      readonly pattern?: string;
    }
  | { readonly credential: CredentialId };
/** All that one name leads to. */
export type Leads = { readonly key: string; readonly part: Part; readonly leads: readonly Lead[] };

/** A credential that a principal reaches, `path` beginning with the principal. */
export type ReachedCredential = Reached & { readonly credential: CredentialId };
/** A principal with what it reaches, surest first. */
export type Reach = {
  readonly principal: Principal;
  readonly reached: readonly ReachedCredential[];
  /** How many more it reaches than are listed. */
  readonly more: number;
};
/** The principals that reach a credential, surest first, each with its path. */
export type ReachedBy = {
  readonly credential: CredentialId;
  readonly by: readonly (Reached & { readonly principal: Identifier })[];
  readonly more: number;
};

/** That a principal has read a secret's value, and how often since it was first looked. */
export type ReadEdge = {
  readonly principal: Identifier;
  readonly credential: CredentialId;
  readonly uses: number;
  readonly lastUsedAt: Instant;
  /** Readings before this are counted. */
  readonly countedUntil: Instant;
};

/** How far the index of one account is. */
export type IndexState = {
  readonly account: string;
  /** What was last written before this is no longer so, part by part. */
  readonly valid: { readonly [P in Part]?: Instant };
  readonly completedAt?: Instant;
  /** Readings of secrets before this are in it. */
  readonly readsUntil?: Instant;
  /** When something changed that it does not show yet. */
  readonly dirtyAt?: Instant;
  /** What could not be told when it was last completed. */
  readonly problems?: readonly string[];
};

/**
 * The identity index of an account: which names lead to which principals, which credentials these reach. Nothing secret.
 * Every entry carries when it was written; what a completed rebuild did not write again is not answered any more.
 */
export interface IdentityIndex {
  /** One round: what these keys lead to, and how far the account's index is. */
  leads(
    account: string,
    keys: readonly string[],
  ): Promise<{ readonly found: readonly Leads[]; readonly state: IndexState | undefined }>;
  /** One round. Principals that it does not know are left out. */
  reaches(state: IndexState | undefined, principals: readonly Identifier[]): Promise<readonly Reach[]>;
  reachedBy(state: IndexState | undefined, credential: CredentialId): Promise<ReachedBy | undefined>;
  state(account: string): Promise<IndexState | undefined>;

  /** One rebuild of an account at a time: false while another's lease lasts. */
  begin(account: string, now: Instant, leaseUntil: Instant): Promise<boolean>;
  /** Of the account that they were collected in. */
  putLeads(account: string, leads: readonly Leads[], at: Instant): Promise<void>;
  putReaches(reaches: readonly Reach[], at: Instant): Promise<void>;
  putReachedBy(reached: readonly ReachedBy[], at: Instant): Promise<void>;
  /**
   * Ends the lease. From now on only what was written since `valid` is answered. What came since `begunAt` may not be in
   * it: that mark stays.
   */
  complete(state: IndexState, begunAt: Instant): Promise<void>;
  /** Something changed: the next look rebuilds. */
  soil(account: string, at: Instant): Promise<void>;
  /** Ends the lease of a rebuild that failed; what was known stays. */
  giveUp(account: string): Promise<void>;
  reads(account: string): Promise<readonly ReadEdge[]>;
  putReads(account: string, edges: readonly ReadEdge[]): Promise<void>;
}
