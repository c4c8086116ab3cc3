import { foldAll } from "../fold.ts";
import { type Query, sorted, text } from "../query.ts";

/** Few are ever late: what else is known is looked up for those alone, not for the whole of a long log. */
const LATE = "stream IN (SELECT stream FROM events WHERE type = 'rotation.overdue')";

/** Q1: whose schedule was not kept. */
export const overdue: Query = {
  id: "Q1",
  title: "Credentials that are overdue against their own schedule",
  basis: "A turn of the schedule was recorded as missed, and no version has taken over since.",
  rowsAre: "findings",
  params: [],
  columns: [text("credential"), text("kind"), text("workload"), text("owed"), text("schedule"), text("why")],
  evaluate: (entries) =>
    sorted(
      [...foldAll(entries).values()].flatMap(({ id, kind, workload, overdue: late }) =>
        late ? [{ credential: id, kind, workload, owed: late.owed, schedule: late.schedule, why: late.why }] : [],
      ),
      "owed",
      "credential",
    ),
  sql: ({ text: at }) => `SELECT o.stream AS credential, r.kind, r.workload, o.owed, o.schedule, o.why
FROM (
  SELECT stream, idx, ${at("data", "$.owed")} AS owed, ${at("data", "$.schedule")} AS schedule,
    ${at("data", "$.why")} AS why, ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx DESC) AS n
  FROM events WHERE type = 'rotation.overdue' AND stream LIKE 'arn:%'
) AS o
LEFT JOIN (
  SELECT stream, ${at("data", "$.kind")} AS kind, ${at("data", "$.workload")} AS workload,
    ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx DESC) AS n
  FROM events WHERE type = 'inventory.registered' AND ${LATE}
) AS r ON r.stream = o.stream AND r.n = 1
LEFT JOIN (SELECT stream, MAX(idx) AS idx FROM taken WHERE ${LATE} GROUP BY stream) AS l ON l.stream = o.stream
WHERE o.n = 1 AND (l.idx IS NULL OR o.idx > l.idx)
ORDER BY owed, credential`,
};
