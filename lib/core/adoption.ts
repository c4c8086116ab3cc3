import type { CredentialId, Identifier, Instant, Stage, Use, VersionId } from "./types.ts";

/** What a target told of one labelled version. */
export type VersionUse = {
  readonly version: VersionId;
  readonly stage: Stage;
  readonly names: readonly Identifier[];
  /** Absent when the kind cannot tell. */
  readonly use?: Use;
  /** Why the target did not answer. */
  readonly doubt?: string;
};

/** A consumer that says which version it works with. */
export type Consumer = {
  readonly name: string;
  readonly version: VersionId;
  readonly at: Instant;
  /** Who said so. */
  readonly by: string;
};

/** Who consumes a credential, and which version each works with. */
export interface Consumers {
  put(credential: CredentialId, consumer: Consumer): Promise<void>;
  /** Removing what is not there succeeds. */
  remove(credential: CredentialId, name: string): Promise<void>;
  list(credential: CredentialId): Promise<readonly Consumer[]>;
}

/** One reading of the secret's value, as the cloud's own log has it. */
export type Read = {
  readonly who: string;
  readonly at: Instant;
  /** Where the reader asked for one version, or for the previous label; otherwise it got the one current then. */
  readonly version?: VersionId;
};

export type Evidence = {
  readonly current: VersionId;
  readonly previous?: VersionId;
  /** When the current version took over; absent when that is not known. */
  readonly currentSince?: Instant;
  readonly uses: readonly VersionUse[];
  readonly consumers: readonly Consumer[];
  /** Absent where nobody looked. */
  readonly reads?: readonly Read[];
};

export type Laggard = {
  readonly who: string;
  readonly how: "session" | "last used" | "acknowledged" | "read";
  readonly version: VersionId;
  readonly lastSeenAt?: Instant;
  readonly count?: number;
};

/**
 * `adopted`: nobody is known to use the previous version, and every registered consumer has acknowledged the current
 * one. `unknown`: nobody could tell.
 */
export type Adoption = {
  readonly verdict: "adopted" | "lagging" | "unknown" | "nothing to adopt";
  readonly current: VersionId;
  readonly previous?: VersionId;
  readonly laggards: readonly Laggard[];
  /** They read an older version and have not read since: they may still hold it, or be gone. */
  readonly silent: readonly { readonly who: string; readonly lastReadAt: Instant }[];
  readonly consumers: readonly Consumer[];
  /** What could not be told. */
  readonly gaps: readonly string[];
};

/** ISO instants of one form compare as text; later ones began after that instant. */
const isBefore = (at: Instant | undefined, limit: Instant | undefined) =>
  at === undefined || limit === undefined || at < limit;

const isShared = (a: VersionUse, b: VersionUse | undefined) =>
  b !== undefined && a.names.length > 0 && a.names.every((name) => b.names.includes(name));

/**
 * Where both versions share one login the target cannot tell them apart by name: what began before the current version
 * took over used the previous one.
 */
const using = (
  previous: VersionUse,
  current: VersionUse | undefined,
  since: Instant | undefined,
): readonly Laggard[] => {
  const { use, version } = previous;
  if (!use) return [];
  const shared = isShared(previous, current);
  const begun = use.by.filter(({ firstAt }) => !shared || isBefore(firstAt, since));
  const seen = begun.map(
    ({ who, count, lastAt }): Laggard => ({
      who,
      how: "session",
      version,
      count,
      ...(lastAt && { lastSeenAt: lastAt }),
    }),
  );
  const isOld = since !== undefined && use.lastUsedAt !== undefined && use.lastUsedAt < since;
  if (seen.length > 0 || shared || !use.lastUsedAt || isOld) return seen;
  return [{ who: "somebody", how: "last used", version, lastSeenAt: use.lastUsedAt }];
};

const unacknowledged = ({ consumers, current }: Evidence): readonly Laggard[] =>
  consumers
    .filter(({ version }) => version !== current)
    .map(({ name, version, at }) => ({ who: name, how: "acknowledged", version, lastSeenAt: at }));

const reading = ({ reads = [], previous, currentSince }: Evidence): readonly Laggard[] => {
  const last = new Map<string, Laggard>();
  for (const { who, at, version } of reads) {
    if (!version || version !== previous || (currentSince && at < currentSince)) continue;
    const known = last.get(who);
    const lastSeenAt = known?.lastSeenAt && known.lastSeenAt > at ? known.lastSeenAt : at;
    last.set(who, { who, how: "read", version, lastSeenAt, count: (known?.count ?? 0) + 1 });
  }
  return [...last.values()];
};

const silentOf = ({ reads = [], currentSince }: Evidence): Adoption["silent"] => {
  if (!currentSince) return [];
  const last = new Map<string, Instant>();
  for (const { who, at } of reads) if (at > (last.get(who) ?? "")) last.set(who, at);
  return [...last].filter(([, at]) => at < currentSince).map(([who, lastReadAt]) => ({ who, lastReadAt }));
};

const gapsOf = ({ uses, consumers, reads }: Evidence, previous: VersionUse | undefined): readonly string[] => [
  ...(previous?.doubt ? [`the target did not tell: ${previous.doubt}`] : []),
  ...(uses.every(({ use, doubt }) => !use && !doubt) ? ["this kind of target cannot tell who uses a version"] : []),
  ...(consumers.length === 0 ? ["no consumer is registered"] : []),
  ...(reads ? [] : ["readings of the secret were not looked at"]),
];

/** Who still uses the previous version, and whether it may be retired. Pure over the evidence. */
export const adoptionOf = (evidence: Evidence): Adoption => {
  const { current, previous, uses, consumers, currentSince } = evidence;
  const [before, now] = (["previous", "current"] as const).map((stage) => uses.find((one) => one.stage === stage));
  const base = {
    current,
    ...(previous && { previous }),
    silent: silentOf(evidence),
    consumers,
    gaps: gapsOf(evidence, before),
  };
  if (!previous) return { ...base, verdict: "nothing to adopt", laggards: [] };
  const used = before ? using(before, now, currentSince) : [];
  const laggards = [...used, ...unacknowledged(evidence), ...reading(evidence)];
  if (laggards.length > 0) return { ...base, verdict: "lagging", laggards };
  const isTold = !before?.doubt && (before?.use !== undefined || consumers.length > 0);
  return { ...base, verdict: isTold ? "adopted" : "unknown", laggards };
};
