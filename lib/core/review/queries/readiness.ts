import type { Sealed } from "../entry.ts";
import { DAY_MS, number, percentile, type Query, text } from "../query.ts";
import { ranked } from "../sql.ts";

type Completed = Extract<Sealed, { readonly type: "drill.completed" }>;

const isCompleted = (event: Sealed): event is Completed =>
  event.type === "drill.completed" && event.stream === "drills";

const isInTime = ({ data: { contained, signalToRefusedMs, withinMs } }: Completed): boolean =>
  contained && signalToRefusedMs !== null && signalToRefusedMs <= withinMs;

const latest = (of: readonly Completed[]) => of.map(({ at }) => at).reduce((a, b) => (a > b ? a : b), "" as string);

/** Q26: whether a signal would be contained, as drills have shown. */
export const readiness: Query = {
  id: "Q26",
  title: "Readiness: what drills have shown",
  basis:
    "Drills of the last so many days: a canary's key, and when it was first refused to whoever holds it. One row; no drill is a row of nought. Nearest-rank percentiles over those that were contained.",
  rowsAre: "facts",
  params: [{ name: "days", type: "number", what: "how far back", default: 90 }],
  columns: [
    ...["drills", "contained", "in_time", "missed", "p50_ms", "p95_ms"].map(number),
    ...["last_at", "last_in_time_at"].map(text),
  ],
  evaluate: (entries, { days }, { at, ms }) => {
    const from = ms(at) - Number(days) * DAY_MS;
    const recent = entries.filter(isCompleted).filter(({ at: then }) => ms(then) >= from);
    const times = recent.flatMap(({ data }) => (data.contained ? (data.signalToRefusedMs ?? []) : []));
    return [
      {
        drills: recent.length,
        contained: recent.filter(({ data }) => data.contained).length,
        in_time: recent.filter(isInTime).length,
        missed: recent.filter((one) => !isInTime(one)).length,
        p50_ms: percentile(times, 50),
        p95_ms: percentile(times, 95),
        last_at: latest(recent) || null,
        last_in_time_at: latest(recent.filter(isInTime)) || null,
      },
    ];
  },
  sql: ({ text: at }, { days }, now) => `SELECT COUNT(*) AS drills, COALESCE(SUM(contained), 0) AS contained,
  COALESCE(SUM(in_time), 0) AS in_time, COALESCE(SUM(1 - in_time), 0) AS missed,
  ${ranked("took", 50, "place", "n")} AS p50_ms, ${ranked("took", 95, "place", "n")} AS p95_ms,
  MAX(happened) AS last_at, MAX(CASE WHEN in_time = 1 THEN happened END) AS last_in_time_at
FROM (
  SELECT happened, contained, took, CASE WHEN took <= within THEN 1 ELSE 0 END AS in_time, COUNT(took) OVER () AS n,
    ROW_NUMBER() OVER (PARTITION BY took IS NULL ORDER BY took) AS place
  FROM (
    SELECT happened, CASE WHEN contained THEN 1 ELSE 0 END AS contained, within, CASE WHEN contained THEN took END AS took
    FROM (
      SELECT happened, ${at("data", "$.contained")} = 'true' AS contained,
        CAST(${at("data", "$.withinMs")} AS DOUBLE) AS within,
        CAST(${at("data", "$.signalToRefusedMs")} AS DOUBLE) AS took
      FROM events WHERE type = 'drill.completed' AND stream = 'drills' AND ms >= ${now} - ${Number(days) * DAY_MS}
    ) AS told
  ) AS measured
) AS placed`,
};
