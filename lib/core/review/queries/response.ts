import type { Moment, Sealed } from "../entry.ts";
import { DAY_MS, number, percentile, type Query, sorted, text } from "../query.ts";
import { type Dialect, ranked } from "../sql.ts";

type Times = {
  readonly scenario: string;
  readonly detect: number;
  readonly notify: number | null;
  readonly contain: number;
  readonly prove: number;
  readonly restore: number | null;
};

const keyOf = (stream: string, incident: string) => JSON.stringify([stream, incident]);

type Told<V> = { readonly incident: string | null; readonly value: V | null };

/** Of each stream and incident the first that tells what is asked for. */
const firsts = <V>(
  entries: readonly Sealed[],
  read: (event: Sealed) => Told<V> | undefined,
): ReadonlyMap<string, V> => {
  const found = new Map<string, V>();
  for (const event of entries) {
    const { incident = null, value = null } = read(event) ?? {};
    const key = keyOf(event.stream, incident ?? "");
    if (value !== null && !found.has(key)) found.set(key, value);
  }
  return found;
};

/** When each containment began, when people were told of it, and when what it ended was given back. */
const landmarks = (entries: readonly Sealed[]) => ({
  begun: firsts(entries, (event) =>
    event.type === "containment.started" ? { incident: event.data.incident, value: event } : undefined,
  ),
  restored: firsts<string>(entries, (event) =>
    event.type === "containment.restored" ? { incident: event.data.incident, value: event.at } : undefined,
  ),
  told: firsts(entries, (event) =>
    event.type === "people.told" ? { incident: event.data.incident, value: event.data.receivedToToldMs } : undefined,
  ),
});

const timesOf = (entries: readonly Sealed[], from: number, ms: Moment["ms"]): readonly Times[] => {
  const { begun, restored, told } = landmarks(entries);
  return entries.flatMap((event) => {
    if (event.type !== "containment.effective" || ms(event.at) < from) return [];
    const { incident, replacement, activityToRefusedMs, receivedToRefusedMs, receivedToVerifiedMs } = event.data;
    const start = begun.get(keyOf(event.stream, incident));
    const back = replacement ? event.at : restored.get(keyOf(event.stream, incident));
    return [
      {
        scenario: start?.data.scenario ?? "unknown",
        detect: activityToRefusedMs - receivedToRefusedMs,
        notify: told.get(keyOf(event.stream, incident)) ?? null,
        contain: receivedToRefusedMs,
        prove: receivedToVerifiedMs,
        restore: start && back ? ms(back) - ms(start.at) : null,
      },
    ];
  });
};

const STEPS = ["detect", "notify", "contain", "prove", "restore"] as const;

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
  SELECT COALESCE(s.scenario, 'unknown') AS scenario, e.activity - e.received AS detect, t.told AS notify, e.received AS contain,
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
  LEFT JOIN (
    SELECT stream, ${at("data", "$.incident")} AS incident, CAST(${at("data", "$.receivedToToldMs")} AS DOUBLE) AS told,
      ROW_NUMBER() OVER (PARTITION BY stream, ${at("data", "$.incident")} ORDER BY idx) AS n
    FROM events WHERE type = 'people.told' AND ${at("data", "$.receivedToToldMs")} IS NOT NULL
  ) AS t ON t.stream = e.stream AND t.incident = e.incident AND t.n = 1
)`;

/** Q24: how long each step of a response took. */
export const responseTimes: Query = {
  id: "Q24",
  title: "Time to detect, notify, contain, prove and restore, per scenario",
  basis:
    "Credentials whose doomed versions were tried and refused in the last so many days. Detect: from the activity to the receipt of its signal. Notify: from the receipt until the first of those whom the config names was told. Contain: from the receipt to refused; prove: until that was tried. Restore: from the beginning of the containment to a replacement in force, or to versions that were given back. Nearest-rank percentiles.",
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
