import type { Sealed } from "../entry.ts";
import { DAY_MS, number, percentile, type Query, sorted, text } from "../query.ts";
import { type Dialect, ranked } from "../sql.ts";

type Effective = Extract<Sealed, { readonly type: "containment.effective" }>;
type Contained = { readonly event: Effective; readonly scenario: string; readonly heldAt: string | null };

const keyOf = (stream: string, incident: string) => JSON.stringify([stream, incident]);

/** Every containment that was proved, with what its beginning and its end say of it. */
const containments = (entries: readonly Sealed[]): readonly Contained[] => {
  const scenarios = new Map<string, string>();
  const held = new Map<string, string>();
  const proved: Effective[] = [];
  for (const event of entries) {
    if (event.type === "containment.effective") proved.push(event);
    if (event.type !== "containment.started" && event.type !== "containment.held") continue;
    const key = keyOf(event.stream, event.data.incident);
    const [into, value] = event.type === "containment.held" ? [held, event.at] : [scenarios, event.data.scenario];
    if (!into.has(key)) into.set(key, value);
  }
  return proved.map((event) => {
    const key = keyOf(event.stream, event.data.incident);
    return { event, scenario: scenarios.get(key) ?? "unknown", heldAt: held.get(key) ?? null };
  });
};

/** The same as a subquery. */
const contained = ({ text: at }: Dialect): string => `(
  SELECT e.stream, e.idx, e.happened, e.ms, e.incident, e.activity, e.received, e.refused,
    COALESCE(s.scenario, 'unknown') AS scenario, h.happened AS held_at
  FROM (
    SELECT stream, idx, happened, ms, ${at("data", "$.incident")} AS incident,
      CAST(${at("data", "$.activityToRefusedMs")} AS DOUBLE) AS activity,
      CAST(${at("data", "$.receivedToRefusedMs")} AS DOUBLE) AS received,
      json_array_length(json_extract(data, '$.refused')) AS refused
    FROM events WHERE type = 'containment.effective'
  ) AS e
  LEFT JOIN (
    SELECT stream, ${at("data", "$.incident")} AS incident, ${at("data", "$.scenario")} AS scenario,
      ROW_NUMBER() OVER (PARTITION BY stream, ${at("data", "$.incident")} ORDER BY idx) AS n
    FROM events WHERE type = 'containment.started'
  ) AS s ON s.stream = e.stream AND s.incident = e.incident AND s.n = 1
  LEFT JOIN (
    SELECT stream, happened, ${at("data", "$.incident")} AS incident,
      ROW_NUMBER() OVER (PARTITION BY stream, ${at("data", "$.incident")} ORDER BY idx) AS n
    FROM events WHERE type = 'containment.held'
  ) AS h ON h.stream = e.stream AND h.incident = e.incident AND h.n = 1
)`;

const measured = (scenario: string, of: readonly Contained[], slo: number) => {
  const activity = of.map(({ event }) => event.data.activityToRefusedMs);
  const received = of.map(({ event }) => event.data.receivedToRefusedMs);
  return {
    scenario,
    contained: of.length,
    held: of.filter(({ heldAt }) => heldAt !== null).length,
    activity_p50_ms: percentile(activity, 50),
    activity_p95_ms: percentile(activity, 95),
    received_p50_ms: percentile(received, 50),
    received_p95_ms: percentile(received, 95),
    in_time_percent: (100 * received.filter((ms) => ms <= slo).length) / of.length,
  };
};

/** Q3: how fast a signal's credential was refused. */
export const timeToContain: Query = {
  id: "Q3",
  title: "Time to contain, per scenario",
  basis:
    "Credentials whose doomed versions were tried and refused in the last so many days; a containment that has not got there is in Q11. Nearest-rank percentiles.",
  rowsAre: "facts",
  params: [
    { name: "days", type: "number", what: "how far back", default: 90 },
    { name: "slo_ms", type: "number", what: "from receipt to refused, in time", default: 60_000 },
  ],
  columns: [
    text("scenario"),
    ...["contained", "held"].map(number),
    ...["activity_p50_ms", "activity_p95_ms", "received_p50_ms", "received_p95_ms", "in_time_percent"].map(number),
  ],
  evaluate: (entries, { days, slo_ms: slo }, { at, ms }) => {
    const from = ms(at) - Number(days) * DAY_MS;
    const recent = containments(entries).filter(({ event }) => ms(event.at) >= from);
    return sorted(
      [...Map.groupBy(recent, ({ scenario }) => scenario)].map(([name, of]) => measured(name, of, Number(slo))),
      "scenario",
    );
  },
  sql: (dialect, { days, slo_ms: slo }, now) => `SELECT scenario, COUNT(*) AS contained, COUNT(held_at) AS held,
  ${ranked("activity", 50, "activity_rank", "n")} AS activity_p50_ms,
  ${ranked("activity", 95, "activity_rank", "n")} AS activity_p95_ms,
  ${ranked("received", 50, "received_rank", "n")} AS received_p50_ms,
  ${ranked("received", 95, "received_rank", "n")} AS received_p95_ms,
  CAST(100 * SUM(CASE WHEN received <= ${Number(slo)} THEN 1 ELSE 0 END) AS DOUBLE) / COUNT(*) AS in_time_percent
FROM (
  SELECT scenario, held_at, activity, received, COUNT(*) OVER (PARTITION BY scenario) AS n,
    ROW_NUMBER() OVER (PARTITION BY scenario ORDER BY activity) AS activity_rank,
    ROW_NUMBER() OVER (PARTITION BY scenario ORDER BY received) AS received_rank
  FROM ${contained(dialect)} AS c WHERE ms >= ${now} - ${Number(days) * DAY_MS}
) AS placed
GROUP BY scenario
ORDER BY scenario`,
};

/** Q19: each credential that was used from elsewhere, and how long it took until it was refused. */
export const leakToRevoke: Query = {
  id: "Q19",
  title: "Leak to revoke: every exfiltrated credential and when it was refused",
  basis: "Proved containments of the scenario `exfiltrated`. The leak's time is the activity that the detector saw.",
  rowsAre: "facts",
  params: [],
  columns: [
    ...["credential", "incident", "refused_at"].map(text),
    ...["versions", "activity_to_refused_ms", "received_to_refused_ms"].map(number),
    text("held_at"),
  ],
  evaluate: (entries) =>
    sorted(
      containments(entries).flatMap(({ event: { stream, at, data }, scenario, heldAt }) =>
        scenario === "exfiltrated"
          ? [
              {
                credential: stream,
                incident: data.incident,
                refused_at: at,
                versions: data.refused.length,
                activity_to_refused_ms: data.activityToRefusedMs,
                received_to_refused_ms: data.receivedToRefusedMs,
                held_at: heldAt,
              },
            ]
          : [],
      ),
      "refused_at",
      "credential",
      "incident",
    ),
  sql: (dialect) => `SELECT stream AS credential, incident, happened AS refused_at, refused AS versions,
  activity AS activity_to_refused_ms, received AS received_to_refused_ms, held_at
FROM ${contained(dialect)} AS c WHERE scenario = 'exfiltrated'
ORDER BY refused_at, credential, incident`,
};
