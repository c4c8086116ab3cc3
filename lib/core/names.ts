/** Physical names that the stacks give and the functions, the CLI and users' stacks look up. */
export const names = (prefix = "rekey") => ({
  ledgerTable: `${prefix}-ledger`,
  stateTable: `${prefix}-state`,
  archiveBucket: (account: string, region: string) => `${prefix}-archive-${account}-${region}`,
  workBucket: (account: string, region: string) => `${prefix}-work-${account}-${region}`,
  ledgerKeyAlias: `alias/${prefix}-ledger`,
  signalQueue: `${prefix}-signals`,
  rejectedQueue: `${prefix}-rejected`,
  spoolQueue: `${prefix}-spool`,
  respond: `${prefix}-respond`,
  ingest: `${prefix}-ingest`,
  seal: `${prefix}-seal`,
  discover: `${prefix}-discover`,
  clock: `${prefix}-clock`,
  rotate: (network: string) => `${prefix}-rotate-${network}`,
  /** Of the log, as its checkpoint's first line and its key's name (C2SP tlog-checkpoint). */
  origin: (account: string, region: string) => `${prefix}.${account}.${region}/ledger`,
});

/** Tags on a secret that make it a credential of Rekey's. */
export const tagPrefix = "rekey:";
