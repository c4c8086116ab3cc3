import { type AsOf, type Moment, seenBy } from "../core/review/entry.ts";
import { foldAll } from "../core/review/fold.ts";
import { answer, parseParams, queries } from "../core/review/queries.ts";
import type { Cell, ResultRow } from "../core/review/query.ts";
import type { CredentialId, Instant } from "../core/types.ts";
import type { ReadLog } from "./record-of.ts";

type Read = { readonly log: Pick<ReadLog, "entries">; readonly asOf: AsOf };

/** The rows of a query that needs no parameter. */
export const rowsOf = (id: string, { log, asOf }: Read, ms: Moment["ms"]): readonly ResultRow[] => {
  const query = queries.find((one) => one.id === id);
  const parsed = query && parseParams(query, {});
  if (!query || !parsed || !("params" in parsed)) throw new Error(`${id} cannot be asked without parameters`);
  return answer(query, parsed.params, log.entries, asOf, ms).rows;
};

/** What speaks against an item, worst first: runtime before age. */
const FINDINGS = [
  ["Q11", "not proved dead"],
  ["Q19", "was exfiltrated"],
  ["Q10", "read by a person"],
  ["Q8", "read from another environment"],
  ["Q12", "its workload is gone"],
  ["Q4", "not read for 90 days"],
  ["Q1", "overdue"],
  ["Q9", "older than 90 days"],
  ["Q7", "several consumers"],
  ["Q5", "no workload"],
  ["Q6", "read by fewer than may"],
] as const;

/** What a reviewer is shown beside an item: what speaks against it, and what is known of its use. Null: nobody has looked. */
export type Beside = {
  readonly findings: readonly string[];
  readonly lastUsedAt: Instant | null;
  /** How many have read it, and how many may and never did. */
  readonly readers: number | null;
  readonly unused: number | null;
  readonly rotatedAt: Instant | null;
};

const findingsIn = (record: Read, ms: Moment["ms"]): ReadonlyMap<Cell, readonly string[]> => {
  const all = FINDINGS.flatMap(([query, says]) =>
    rowsOf(query, record, ms).map((row) => ({ credential: row["credential"] ?? null, says })),
  );
  return new Map(
    [...Map.groupBy(all, ({ credential }) => credential)].map(([credential, found]) => [
      credential,
      [...new Set(found.map(({ says }) => says))],
    ]),
  );
};

const rankOf = ([worst]: readonly string[]): number => {
  const rank = FINDINGS.findIndex(([, says]) => says === worst);
  return rank < 0 ? FINDINGS.length : rank;
};

/** The items with what is shown beside them, those with the worst finding first; of the same, those with more. */
export const withEvidence = <T extends { readonly credential: CredentialId }>(
  items: readonly T[],
  record: Read,
  ms: Moment["ms"],
): readonly (T & Beside)[] => {
  const seen = seenBy(record.log.entries, record.asOf);
  const observed = new Map(
    seen.flatMap((event) => (event.type === "access.observed" ? [[event.stream, event.data]] : [])),
  );
  const [found, states] = [findingsIn(record, ms), foldAll(seen)];
  const beside = (credential: CredentialId): Beside => {
    const use = observed.get(credential);
    return {
      findings: found.get(credential) ?? [],
      lastUsedAt: use?.lastUsedAt ?? null,
      readers: use?.readers ?? null,
      unused: use?.unused ?? null,
      rotatedAt: states.get(credential)?.replacedAt ?? null,
    };
  };
  return items
    .map((item) => ({ ...item, ...beside(item.credential) }))
    .sort((a, b) => rankOf(a.findings) - rankOf(b.findings) || b.findings.length - a.findings.length);
};
