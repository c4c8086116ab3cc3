import type { AsOf, Moment } from "../core/review/entry.ts";
import { answer, parseParams, queries } from "../core/review/queries.ts";
import type { Cell, ResultRow } from "../core/review/query.ts";
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

/** Which findings each credential has. */
export const findingsIn = (record: Read, ms: Moment["ms"]): ReadonlyMap<Cell, readonly string[]> => {
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
