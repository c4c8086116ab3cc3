/** Physical names that the stacks give and the functions, the CLI and users' stacks look up. */
export const names = (prefix = "rekey") => ({
  ledgerTable: `${prefix}-ledger`,
  stateTable: `${prefix}-state`,
  reviewTable: `${prefix}-review`,
  archiveBucket: (account: string, region: string) => `${prefix}-archive-${account}-${region}`,
  workBucket: (account: string, region: string) => `${prefix}-work-${account}-${region}`,
  /** Evidence packs that the API gives, for a day each. */
  packsBucket: (account: string, region: string) => `${prefix}-packs-${account}-${region}`,
  /** What compaction makes of the archive; nothing that could not be made again. */
  parquetBucket: (account: string, region: string) => `${prefix}-parquet-${account}-${region}`,
  ledgerKeyAlias: `alias/${prefix}-ledger`,
  /** Of the key that takes over, while it does. */
  nextLedgerKeyAlias: `alias/${prefix}-ledger-next`,
  appendKeyAlias: `alias/${prefix}-append`,
  signalQueue: `${prefix}-signals`,
  rejectedQueue: `${prefix}-rejected`,
  spoolQueue: `${prefix}-spool`,
  respond: `${prefix}-respond`,
  ingest: `${prefix}-ingest`,
  seal: `${prefix}-seal`,
  discover: `${prefix}-discover`,
  /** Role in every other account, by which discover looks at it. */
  look: `${prefix}-look`,
  watch: `${prefix}-watch`,
  refresh: `${prefix}-refresh`,
  reconcile: `${prefix}-reconcile`,
  quarantine: `${prefix}-quarantine`,
  isolate: `${prefix}-isolate`,
  organization: `${prefix}-organization`,
  transmit: `${prefix}-transmit`,
  transmitKeyAlias: `alias/${prefix}-transmit`,
  /** Its function, and the table of what it has seen; in an account of its own. */
  witness: `${prefix}-witness`,
  witnessKeyAlias: `alias/${prefix}-witness`,
  notify: `${prefix}-notify`,
  /** Its function, and the canary: a user and a secret of this name. */
  drill: `${prefix}-drill`,
  clock: `${prefix}-clock`,
  project: `${prefix}-project`,
  compact: `${prefix}-compact`,
  api: `${prefix}-api`,
  evidence: `${prefix}-evidence`,
  rotate: (network: string) => `${prefix}-rotate-${network}`,
  /** Of the log, as its checkpoint's first line and its key's name (C2SP tlog-checkpoint). */
  origin: (account: string, region: string) => `${prefix}.${account}.${region}/ledger`,
});

/** Tags on a secret that make it a credential of Rekey's. */
export const tagPrefix = "rekey:";

/** Globs over the names of Rekey's own roles in a region. */
export const ownRoles = (prefix: string, region: string): readonly string[] => {
  const own = names(prefix);
  const { respond, ingest, seal, discover, refresh, reconcile, clock, project } = own;
  const all = [
    respond,
    ingest,
    seal,
    discover,
    refresh,
    reconcile,
    clock,
    project,
    own.api,
    own.evidence,
    own.look,
    own.drill,
    own.rotate("*"),
    `${prefix}-forward`,
  ];
  return all.map((name) => `${name}-${region}`);
};
