/** One service control policy, which a person made and attached, and which Rekey edits in place. */
export interface OrganizationPolicy {
  /** Its document. */
  read(): Promise<string>;
  /** `full`: Organizations does not take a document of that size. */
  write(document: string): Promise<"written" | "full">;
  /** Whether it is attached to this account, or to a unit or root above it. */
  covers(account: string): Promise<boolean>;
}

/**
 * Whose turn it is to edit the policy. Organizations has no conditional write: two who read, change and write at the same
 * time would each lose the other's denial.
 */
export interface Turn {
  take(): Promise<boolean>;
  release(): Promise<void>;
}
