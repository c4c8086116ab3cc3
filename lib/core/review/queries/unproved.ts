import { foldAll } from "../fold.ts";
import { type Query, sorted, text } from "../query.ts";

const HOUR_MS = 3_600_000;

/** Q11: what should be dead and has not been tried and refused. */
export const unproved: Query = {
  id: "Q11",
  title: "What should be dead and was not yet proved to be refused",
  basis:
    "Containments that were begun and neither proved, narrowed, attested nor restored; and versions that a rotation replaced and whose end was neither tried since nor, where only people can end them, attested. Consumers may rightly still use the latter for a while.",
  rowsAre: "findings",
  params: [
    {
      name: "version_grace_hours",
      type: "number",
      what: "leave out versions that were replaced less than so many hours ago",
      default: 0,
    },
  ],
  columns: ["credential", "workload", "what", "which", "since"].map(text),
  evaluate: (entries, { version_grace_hours: hours }, { at, ms }) =>
    sorted(
      [...foldAll(entries).values()].flatMap(({ id: credential, workload, open, dying }) => [
        ...open.map(({ incident, since }) => ({ credential, workload, what: "containment", which: incident, since })),
        ...dying
          .filter(({ since }) => ms(since) <= ms(at) - Number(hours) * HOUR_MS)
          .map(({ version, since }) => ({ credential, workload, what: "version", which: version, since })),
      ]),
      "since",
      "credential",
      "what",
      "which",
    ),
  sql: (
    { text: at, each },
    { version_grace_hours: hours },
    now,
  ) => `SELECT w.stream AS credential, r.workload, w.what, w.which, w.since
FROM (
  SELECT s.stream, 'containment' AS what, s.incident AS which, s.happened AS since
  FROM (
    SELECT stream, idx, happened, incident, ROW_NUMBER() OVER (PARTITION BY stream, incident ORDER BY idx) AS n
    FROM (
      SELECT b.stream, b.idx, b.happened, b.incident, MAX(x.idx) AS closed
      FROM (SELECT stream, idx, happened, ${at("data", "$.incident")} AS incident FROM events
        WHERE type = 'containment.started' AND stream LIKE 'arn:%') AS b
      LEFT JOIN (SELECT stream, idx, ${at("data", "$.incident")} AS incident FROM events
        WHERE type IN ('containment.effective', 'containment.narrowed', 'containment.attested', 'containment.restored')) AS x
        ON x.stream = b.stream AND x.incident = b.incident
      GROUP BY b.stream, b.idx, b.happened, b.incident
    ) AS begun WHERE closed IS NULL OR idx > closed
  ) AS s WHERE s.n = 1
  UNION ALL
  SELECT stream, 'version' AS what, version AS which, since
  FROM (
    SELECT d.stream, d.idx, d.ms, d.version, d.happened AS since, MAX(x.idx) AS closed,
      ROW_NUMBER() OVER (PARTITION BY d.stream, d.version ORDER BY d.idx DESC) AS n
    FROM (SELECT stream, idx, ms, happened, replaced AS version FROM taken WHERE replaced IS NOT NULL AND stream LIKE 'arn:%') AS d
    LEFT JOIN (
      SELECT stream, idx, ${at("data", "$.version")} AS version FROM events
        WHERE type = 'version.retired' OR (type = 'version.attested' AND ${at("data", "$.says")} = 'ended')
      UNION ALL SELECT stream, idx, version FROM taken
      UNION ALL SELECT e.stream, e.idx, v.value FROM events e ${each("e.data", "$.refused", "v")}
        WHERE e.type = 'containment.effective'
    ) AS x ON x.stream = d.stream AND x.version = d.version
    GROUP BY d.stream, d.idx, d.ms, d.version, d.happened
  ) AS replaced_versions
  WHERE n = 1 AND (closed IS NULL OR idx > closed) AND ms <= ${now} - ${Number(hours) * HOUR_MS}
) AS w
LEFT JOIN registered r ON r.stream = w.stream
ORDER BY since, credential, what, which`,
};
