import type { Sealed } from "../entry.ts";
import { foldAll } from "../fold.ts";
import { DAY_MS, number, percentile, type Query, sorted, text } from "../query.ts";
import { ranked } from "../sql.ts";

const UNKNOWN = "(not registered)";

const rowOf = (kind: string, events: readonly Sealed[]) => {
  const count = (type: Sealed["type"]) => events.filter((event) => event.type === type).length;
  const [succeeded, failed] = [count("rotation.succeeded"), count("rotation.failed")];
  const durations = events.flatMap((event) =>
    event.type === "rotation.succeeded" && event.data.durationMs !== null ? [event.data.durationMs] : [],
  );
  return {
    kind,
    succeeded,
    failed,
    repaired: count("rotation.repaired"),
    missed: count("rotation.overdue"),
    succeeded_percent: succeeded + failed === 0 ? null : (100 * succeeded) / (succeeded + failed),
    p50_ms: percentile(durations, 50),
    p95_ms: percentile(durations, 95),
  };
};

/** Q2: how rotations went, per kind. */
export const rotations: Query = {
  id: "Q2",
  title: "Rotations: success rate, failures and duration per kind",
  basis:
    "Events of the last so many days. Each failed step counts, so that one attempt may fail more than once. A duration is known where one process ran all steps.",
  rowsAre: "facts",
  params: [{ name: "days", type: "number", what: "how far back", default: 90 }],
  columns: [
    text("kind"),
    ...["succeeded", "failed", "repaired", "missed", "succeeded_percent", "p50_ms", "p95_ms"].map(number),
  ],
  evaluate: (entries, { days }, { at, ms }) => {
    const states = foldAll(entries);
    const from = ms(at) - Number(days) * DAY_MS;
    const recent = entries.filter(
      ({ type, stream, at: then }) =>
        /^rotation\.(succeeded|failed|repaired|overdue)$/.test(type) && stream.startsWith("arn:") && ms(then) >= from,
    );
    const byKind = Map.groupBy(recent, ({ stream }) => states.get(stream)?.kind ?? UNKNOWN);
    return sorted(
      [...byKind].map(([kind, events]) => rowOf(kind, events)),
      "kind",
    );
  },
  sql: ({ text: field }, { days }, now) => `SELECT kind,
  SUM(CASE WHEN type = 'rotation.succeeded' THEN 1 ELSE 0 END) AS succeeded,
  SUM(CASE WHEN type = 'rotation.failed' THEN 1 ELSE 0 END) AS failed,
  SUM(CASE WHEN type = 'rotation.repaired' THEN 1 ELSE 0 END) AS repaired,
  SUM(CASE WHEN type = 'rotation.overdue' THEN 1 ELSE 0 END) AS missed,
  CAST(100 * SUM(CASE WHEN type = 'rotation.succeeded' THEN 1 ELSE 0 END) AS DOUBLE)
    / NULLIF(SUM(CASE WHEN type IN ('rotation.succeeded', 'rotation.failed') THEN 1 ELSE 0 END), 0) AS succeeded_percent,
  ${ranked("duration", 50, "rank", "n")} AS p50_ms,
  ${ranked("duration", 95, "rank", "n")} AS p95_ms
FROM (
  SELECT kind, type, duration, COUNT(duration) OVER (PARTITION BY kind) AS n,
    CASE WHEN duration IS NULL THEN NULL
      ELSE ROW_NUMBER() OVER (PARTITION BY kind ORDER BY duration NULLS LAST) END AS rank
  FROM (
    SELECT COALESCE(r.kind, '${UNKNOWN}') AS kind, e.type,
      CASE WHEN e.type = 'rotation.succeeded' THEN CAST(${field("e.data", "$.durationMs")} AS DOUBLE) END AS duration
    FROM events e LEFT JOIN registered r ON r.stream = e.stream
    WHERE e.type IN ('rotation.succeeded', 'rotation.failed', 'rotation.repaired', 'rotation.overdue')
      AND e.stream LIKE 'arn:%' AND e.ms >= ${now} - ${Number(days) * DAY_MS}
  ) AS told
) AS placed
GROUP BY kind
ORDER BY kind`,
};
