import type { Sealed } from "../entry.ts";
import { number, type Query, type ResultRow, sorted, text } from "../query.ts";
import { literal } from "../sql.ts";

const MINUTE_MS = 60_000;
/** An event that was taken so long after it happened had waited in the spool: the ledger did not take it then. */
const LATE_MS = 5 * MINUTE_MS;

/** Q14: whether the record is whole and fresh. */
export const record: Query = {
  id: "Q14",
  title: "The ledger itself: entries, gaps, doubles, freshness",
  basis:
    "Counts over the sealed entries. Late are those that the ledger took over five minutes after they happened: they had waited in the spool, or in a look at an account. That they are what was committed to is what `rekey ledger verify` proves; an evidence pack does both.",
  rowsAre: "facts",
  params: [],
  columns: [
    ...["entries", "streams", "streams_with_gaps", "doubled_events"].map(number),
    text("last_received_at"),
    ...["minutes_since", "late_entries", "longest_delay_s"].map(number),
  ],
  evaluate: (entries, _, { at, ms }) => {
    const streams = Map.groupBy(entries, ({ stream }) => stream);
    const last = entries.map(({ receivedAt }) => receivedAt).reduce((a, b) => (a > b ? a : b), "" as string);
    const delays = entries.map((event) => ms(event.receivedAt) - ms(event.at));
    const highest = (of: readonly Sealed[]) => of.reduce((most, { seq }) => Math.max(most, seq), 0);
    return [
      {
        entries: entries.length,
        streams: streams.size,
        streams_with_gaps: [...streams.values()].filter((of) => highest(of) !== new Set(of.map(({ seq }) => seq)).size)
          .length,
        doubled_events: entries.length - new Set(entries.map(({ stream, id }) => JSON.stringify([stream, id]))).size,
        last_received_at: last || null,
        minutes_since: last ? Math.floor((ms(at) - ms(last)) / MINUTE_MS) : null,
        late_entries: delays.filter((delay) => delay > LATE_MS).length,
        longest_delay_s: last ? Math.floor(delays.reduce((most, delay) => Math.max(most, delay), 0) / 1_000) : null,
      },
    ];
  },
  sql: ({ ms }, _, now) => `SELECT COALESCE(SUM(entries), 0) AS entries, COUNT(*) AS streams,
  COALESCE(SUM(CASE WHEN highest <> numbers THEN 1 ELSE 0 END), 0) AS streams_with_gaps,
  COALESCE(SUM(entries - ids), 0) AS doubled_events, MAX(last) AS last_received_at,
  CAST(FLOOR((${now} - ${ms("MAX(last)")}) / ${MINUTE_MS}.0) AS BIGINT) AS minutes_since,
  COALESCE(SUM(late), 0) AS late_entries, CAST(FLOOR(MAX(delay) / 1000.0) AS BIGINT) AS longest_delay_s
FROM (
  SELECT stream, COUNT(*) AS entries, COUNT(DISTINCT id) AS ids, COUNT(DISTINCT seq) AS numbers, MAX(seq) AS highest,
    MAX(receivedat) AS last, MAX(GREATEST(${ms("receivedat")} - ms, 0)) AS delay,
    SUM(CASE WHEN ${ms("receivedat")} - ms > ${LATE_MS} THEN 1 ELSE 0 END) AS late
  FROM events GROUP BY stream
) AS streams`,
};

const field = (data: object, name: string): string | null => {
  const value: unknown = (data as Readonly<Record<string, unknown>>)[name];
  return typeof value === "string" ? value : null;
};

const lineOf = ({ index, seq, at, type, actor, reason, data }: Sealed): ResultRow => ({
  index,
  seq,
  at,
  event: type,
  actor_kind: actor.kind,
  actor: actor.principal,
  reason: reason ?? null,
  version: field(data, "version") ?? field(data, "replacement"),
  incident: field(data, "incident"),
  step: field(data, "step"),
});

/** Q17: everything that is recorded of one credential. */
export const timeline: Query = {
  id: "Q17",
  title: "Timeline of one credential: what happened, by whom, why",
  basis:
    "Every event of its stream; the numbers run without a gap. Use of the credential is told as sums, once a day at most.",
  rowsAre: "facts",
  params: [{ name: "credential", type: "text", what: "ARN of its secret" }],
  columns: [
    ...["index", "seq"].map(number),
    ...["at", "event", "actor_kind", "actor", "reason", "version", "incident", "step"].map(text),
  ],
  evaluate: (entries, { credential }) =>
    sorted(entries.filter(({ stream }) => stream === credential).map(lineOf), "index"),
  sql: (
    { text: at },
    { credential },
  ) => `SELECT idx AS "index", seq, happened AS "at", type AS event, actorkind AS actor_kind, actor, reason,
  COALESCE(${at("data", "$.version")}, ${at("data", "$.replacement")}) AS version,
  ${at("data", "$.incident")} AS incident, ${at("data", "$.step")} AS step
FROM events WHERE stream = ${literal(String(credential))}
ORDER BY idx`,
};
