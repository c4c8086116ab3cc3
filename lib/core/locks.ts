import type { CredentialId, Identifier, Instant } from "./types.ts";

/**
 * Who may change one thing at its target, by the target's own identity and not by the secret: two secrets that share a
 * login wait for one another. Within one secret the label AWSPENDING does the same.
 */
export interface Locks {
  /** Takes it, or prolongs what this credential holds; otherwise says who has it and until when. */
  take(
    identity: Identifier,
    holder: CredentialId,
    at: { readonly now: Instant; readonly until: Instant; readonly force?: boolean },
  ): Promise<"taken" | { readonly holder: CredentialId; readonly until: Instant }>;
  /** Gives it back, if this credential still holds it. */
  release(identity: Identifier, holder: CredentialId): Promise<void>;
}
