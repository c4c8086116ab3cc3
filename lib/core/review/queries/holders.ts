import { foldAll } from "../fold.ts";
import { number, type Query, sorted, text } from "../query.ts";

/** Q5: registered without a workload. */
export const orphaned: Query = {
  id: "Q5",
  title: "Credentials that name no workload",
  basis:
    "The workload that its secret's tags name, as registered last. Whether a workload that is a role still exists tells Q12.",
  rowsAre: "findings",
  params: [],
  columns: ["credential", "kind"].map(text),
  evaluate: (entries) =>
    sorted(
      [...foldAll(entries).values()].flatMap(({ id, kind, workload }) =>
        workload === "" ? [{ credential: id, kind }] : [],
      ),
      "credential",
    ),
  sql: () => `SELECT stream AS credential, kind FROM registered WHERE workload = '' AND stream LIKE 'arn:%'
ORDER BY credential`,
};

/** Q7: more than one consumer. */
export const shared: Query = {
  id: "Q7",
  title: "Credentials that more than one consumer uses",
  basis: "Consumers that have acknowledged a version and have not left. Use that nobody acknowledged is not recorded.",
  rowsAre: "findings",
  params: [],
  columns: [...["credential", "kind", "workload"].map(text), number("consumers")],
  evaluate: (entries) =>
    sorted(
      [...foldAll(entries).values()].flatMap(({ id, kind, workload, consumers }) => {
        const count = Object.keys(consumers).length;
        return count > 1 ? [{ credential: id, kind, workload, consumers: count }] : [];
      }),
      "credential",
    ),
  sql: ({ text: at }) => `SELECT s.stream AS credential, r.kind, r.workload, s.consumers
FROM (
  SELECT stream, COUNT(*) AS consumers
  FROM (
    SELECT stream, version, ROW_NUMBER() OVER (PARTITION BY stream, consumer ORDER BY idx DESC) AS n
    FROM (
      SELECT stream, idx, ${at("data", "$.consumer")} AS consumer, ${at("data", "$.version")} AS version
      FROM events WHERE type = 'consumer.acknowledged' AND stream LIKE 'arn:%'
    ) AS acknowledged
  ) AS last_word WHERE n = 1 AND version IS NOT NULL
  GROUP BY stream
) AS s
LEFT JOIN registered r ON r.stream = s.stream
WHERE s.consumers > 1
ORDER BY credential`,
};

/** Q23: what each workload held. */
export const holdings: Query = {
  id: "Q23",
  title: "What each workload held",
  basis:
    "Registered credentials with their workload and the version in force, as far as Rekey recorded one taking over. As of an earlier moment: what was held then.",
  rowsAre: "facts",
  params: [{ name: "workload", type: "text", what: "only of this workload; all when empty", default: "" }],
  columns: ["workload", "credential", "kind", "version", "since"].map(text),
  evaluate: (entries, { workload: only }) =>
    sorted(
      [...foldAll(entries).values()].flatMap(({ id, kind, workload, current, replacedAt }) =>
        kind !== null && (only === "" || only === workload)
          ? [{ workload, credential: id, kind, version: current, since: replacedAt }]
          : [],
      ),
      "workload",
      "credential",
    ),
  sql: (_, { workload: only }) => `SELECT r.workload, r.stream AS credential, r.kind, l.version, l.happened AS since
FROM registered r LEFT JOIN latest l ON l.stream = r.stream
WHERE r.stream LIKE 'arn:%'${only === "" ? "" : ` AND r.workload = '${String(only).replaceAll("'", "''")}'`}
ORDER BY workload, credential`,
};

/** Q18: how much of the inventory is managed. */
export const coverage: Query = {
  id: "Q18",
  title: "Coverage: registered credentials, and how many Rekey has replaced",
  basis:
    "Credentials in the index, per kind and network. Secrets without Rekey's tags are not in it, so that this is no statement about the whole account.",
  rowsAre: "facts",
  params: [],
  columns: [
    ...["kind", "network"].map(text),
    ...["registered", "ever_replaced", "overdue", "without_workload"].map(number),
  ],
  evaluate: (entries) => {
    const known = [...foldAll(entries).values()].filter(({ kind }) => kind !== null);
    const groups = Map.groupBy(known, ({ kind, network }) => JSON.stringify([kind, network]));
    return sorted(
      [...groups].map(([key, of]) => {
        const [kind, network] = JSON.parse(key) as readonly [string, string];
        return {
          kind,
          network,
          registered: of.length,
          ever_replaced: of.filter(({ replacedAt }) => replacedAt !== null).length,
          overdue: of.filter(({ overdue }) => overdue !== null).length,
          without_workload: of.filter(({ workload }) => workload === "").length,
        };
      }),
      "kind",
      "network",
    );
  },
  sql: () => `SELECT r.kind, r.network, COUNT(*) AS registered, COUNT(l.stream) AS ever_replaced,
  SUM(CASE WHEN o.idx > COALESCE(l.idx, -1) THEN 1 ELSE 0 END) AS overdue,
  SUM(CASE WHEN r.workload = '' THEN 1 ELSE 0 END) AS without_workload
FROM registered r
LEFT JOIN latest l ON l.stream = r.stream
LEFT JOIN (SELECT stream, MAX(idx) AS idx FROM events WHERE type = 'rotation.overdue' GROUP BY stream) AS o
  ON o.stream = r.stream
WHERE r.stream LIKE 'arn:%'
GROUP BY r.kind, r.network
ORDER BY kind, network`,
};
