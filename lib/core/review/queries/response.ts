import type { Moment, Sealed } from "../entry.ts";
import { DAY_MS, number, percentile, type Query, sorted, text } from "../query.ts";
import { type Dialect, ranked } from "../sql.ts";

type Times = {
  readonly scenario: string;
  readonly detect: number;
  readonly contain: number;
  readonly prove: number;
  readonly restore: number | null;
};

const keyOf = (stream: string, incident: string) => JSON.stringify([stream, incident]);

/** When each containment began and when what it ended was given back, first of each. */
const landmarks = (entries: readonly Sealed[]) => {
  const begun = new Map<string, Extract<Sealed, { readonly type: "containment.started" }>>();
  const restored = new Map<string, string>();
  for (const event of entries) {
    if (event.type !== "containment.started" && event.type !== "containment.restored") continue;
    const key = keyOf(event.stream, event.data.incident);
    if (event.type === "containment.started" && !begun.has(key)) begun.set(key, event);
    if (event.type === "containment.restored" && !restored.has(key)) restored.set(key, event.at);
  }
  return { begun, restored };
};

const timesOf = (entries: readonly Sealed[], from: number, ms: Moment["ms"]): readonly Times[] => {
  const { begun, restored } = landmarks(entries);
  return entries.flatMap((event) => {
    if (event.type !== "containment.effective" || ms(event.at) < from) return [];
    const { incident, replacement, activityToRefusedMs, receivedToRefusedMs, receivedToVerifiedMs } = event.data;
    const start = begun.get(keyOf(event.stream, incident));
    const back = replacement ? event.at : restored.get(keyOf(event.stream, incident));
    return [
      {
        scenario: start?.data.scenario ?? "unknown",
        detect: activityToRefusedMs - receivedToRefusedMs,
        contain: receivedToRefusedMs,
        prove: receivedToVerifiedMs,
        restore: start && back ? ms(back) - ms(start.at) : null,
      },
    ];
  });
};

const STEPS = ["detect", "contain", "prove", "restore"] as const;

const measured = (scenario: string, of: readonly Times[]) => ({
  scenario,
  contained: of.length,
  restored: of.filter(({ restore }) => restore !== null).length,
  ...Object.fromEntries(
    STEPS.flatMap((step) => {
      const known = of.flatMap((times) => times[step] ?? []);
      return [
        [`${step}_p50_ms`, percentile(known, 50)],
        [`${step}_p95_ms`, percentile(known, 95)],
      ];
    }),
  ),
});

const timesSql = ({ text: at }: Dialect, from: string): string => `(
  SELECT COALESCE(s.scenario, 'unknown') AS scenario, e.activity - e.received AS detect, e.received AS contain,
    e.verified AS prove, CASE WHEN e.replacement IS NULL THEN r.ms ELSE e.ms END - s.ms AS restore
  FROM (
    SELECT stream, ms, ${at("data", "$.incident")} AS incident, ${at("data", "$.replacement")} AS replacement,
      CAST(${at("data", "$.activityToRefusedMs")} AS DOUBLE) AS activity,
      CAST(${at("data", "$.receivedToRefusedMs")} AS DOUBLE) AS received,
      CAST(${at("data", "$.receivedToVerifiedMs")} AS DOUBLE) AS verified
    FROM events WHERE type = 'containment.effective' AND ms >= ${from}
  ) AS e
  LEFT JOIN (
    SELECT stream, ms, ${at("data", "$.incident")} AS incident, ${at("data", "$.scenario")} AS scenario,
      ROW_NUMBER() OVER (PARTITION BY stream, ${at("data", "$.incident")} ORDER BY idx) AS n
    FROM events WHERE type = 'containment.started'
  ) AS s ON s.stream = e.stream AND s.incident = e.incident AND s.n = 1
  LEFT JOIN (
    SELECT stream, ms, ${at("data", "$.incident")} AS incident,
      ROW_NUMBER() OVER (PARTITION BY stream, ${at("data", "$.incident")} ORDER BY idx) AS n
    FROM events WHERE type = 'containment.restored'
  ) AS r ON r.stream = e.stream AND r.incident = e.incident AND r.n = 1
)`;

/** Q24: how long each step of a response took. */
export const responseTimes: Query = {
  id: "Q24",
  title: "Time to detect, contain, prove and restore, per scenario",
  basis:
    "Credentials whose doomed versions were tried and refused in the last so many days. Detect: from the activity to the receipt of its signal. Contain: from the receipt to refused; prove: until that was tried. Restore: from the beginning of the containment to a replacement in force, or to versions that were given back. When people were told is not recorded. Nearest-rank percentiles.",
  rowsAre: "facts",
  params: [{ name: "days", type: "number", what: "how far back", default: 90 }],
  columns: [
    text("scenario"),
    ...["contained", "restored"].map(number),
    ...STEPS.flatMap((step) => [`${step}_p50_ms`, `${step}_p95_ms`]).map(number),
  ],
  evaluate: (entries, { days }, { at, ms }) => {
    const times = timesOf(entries, ms(at) - Number(days) * DAY_MS, ms);
    return sorted(
      [...Map.groupBy(times, ({ scenario }) => scenario)].map(([scenario, of]) => measured(scenario, of)),
      "scenario",
    );
  },
  sql: (dialect, { days }, now) => `SELECT scenario, COUNT(*) AS contained, COUNT(restore) AS restored,
${STEPS.flatMap((step) => [50, 95].map((percent) => `  ${ranked(step, percent, `${step}_rank`, `${step}_n`)} AS ${step}_p${percent}_ms`)).join(",\n")}
FROM (
  SELECT scenario, ${STEPS.join(", ")},
${STEPS.map(
  (step) => `    COUNT(${step}) OVER (PARTITION BY scenario) AS ${step}_n,
    CASE WHEN ${step} IS NULL THEN NULL
      ELSE ROW_NUMBER() OVER (PARTITION BY scenario ORDER BY ${step} NULLS LAST) END AS ${step}_rank`,
).join(",\n")}
  FROM ${timesSql(dialect, `${now} - ${Number(days) * DAY_MS}`)} AS times
) AS placed
GROUP BY scenario
ORDER BY scenario`,
};
