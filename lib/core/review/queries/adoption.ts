import { foldAll } from "../fold.ts";
import { number, type Query, sorted, text } from "../query.ts";

/** Q25: whether consumers run with what is in force. */
export const adoption: Query = {
  id: "Q25",
  title: "Adoption: consumers that acknowledged the version in force",
  basis:
    "Credentials with a recorded version and consumers in the registry. A consumer follows when the version that it acknowledged last is the one in force; what never acknowledged is not known.",
  rowsAre: "facts",
  params: [],
  columns: [
    ...["credential", "kind", "workload", "version", "since"].map(text),
    ...["consumers", "following", "following_percent"].map(number),
  ],
  evaluate: (entries) =>
    sorted(
      [...foldAll(entries).values()].flatMap(({ id, kind, workload, current, replacedAt, consumers }) => {
        const versions = Object.values(consumers);
        if (current === null || versions.length === 0) return [];
        const following = versions.filter((version) => version === current).length;
        return [
          {
            credential: id,
            kind,
            workload,
            version: current,
            since: replacedAt,
            consumers: versions.length,
            following,
            following_percent: (100 * following) / versions.length,
          },
        ];
      }),
      "credential",
    ),
  sql: ({ text: at }) => `SELECT c.stream AS credential, r.kind, r.workload, l.version, l.happened AS since,
  COUNT(*) AS consumers, SUM(CASE WHEN c.version = l.version THEN 1 ELSE 0 END) AS following,
  CAST(100 * SUM(CASE WHEN c.version = l.version THEN 1 ELSE 0 END) AS DOUBLE) / COUNT(*) AS following_percent
FROM (
  SELECT stream, version, ROW_NUMBER() OVER (PARTITION BY stream, consumer ORDER BY idx DESC) AS n
  FROM (
    SELECT stream, idx, ${at("data", "$.consumer")} AS consumer, ${at("data", "$.version")} AS version
    FROM events WHERE type = 'consumer.acknowledged' AND stream LIKE 'arn:%'
  ) AS acknowledged
) AS c
JOIN latest l ON l.stream = c.stream
LEFT JOIN registered r ON r.stream = c.stream
WHERE c.n = 1 AND c.version IS NOT NULL
GROUP BY c.stream, r.kind, r.workload, l.version, l.happened
ORDER BY credential`,
};
