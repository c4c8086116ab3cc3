import type { Sealed } from "../entry.ts";
import { DAY_MS, number, type Query, type ResultRow, sorted, text } from "../query.ts";
import type { Dialect } from "../sql.ts";

type Observation = Extract<Sealed, { readonly type: "access.observed" }>;

/** The newest observation of each credential, and when it was first looked at. */
const latest = (entries: readonly Sealed[]): readonly { readonly last: Observation; readonly since: string }[] => {
  const found = new Map<string, { last: Observation; readonly since: string }>();
  for (const event of entries) {
    if (event.type !== "access.observed" || !event.stream.startsWith("arn:")) continue;
    const known = found.get(event.stream);
    if (known) known.last = event;
    else found.set(event.stream, { last: event, since: event.data.until });
  }
  return [...found.values()];
};

const BASIS = "By the newest look at the account of the credential, from CloudTrail's readings of its secret";

const fields = ({ text: at }: Dialect) =>
  [
    "until",
    "lastUsedAt",
    "uses",
    "readers",
    "unused",
    "anUnused",
    "people",
    "aPerson",
    "strangers",
    "aStranger",
    "workload",
  ]
    .map((name) => `${at("data", `$.${name}`)} AS ${name === "workload" ? "held_by" : name.toLowerCase()}`)
    .join(", ");

const observed = (dialect: Dialect): string => `(
  SELECT l.stream, l.until, l.lastusedat, l.uses, l.readers, l.unused, l.anunused, l.people, l.aperson, l.strangers,
    l.astranger, l.held_by, f.until AS since, COALESCE(l.lastusedat, f.until) AS newest
  FROM (
    SELECT stream, ${fields(dialect)}, ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx DESC) AS n
    FROM events WHERE type = 'access.observed' AND stream LIKE 'arn:%'
  ) AS l
  JOIN (
    SELECT stream, ${dialect.text("data", "$.until")} AS until, ROW_NUMBER() OVER (PARTITION BY stream ORDER BY idx) AS n
    FROM events WHERE type = 'access.observed' AND stream LIKE 'arn:%'
  ) AS f ON f.stream = l.stream AND f.n = 1
  WHERE l.n = 1
)`;

type Count = "unused" | "people" | "strangers";
type Example = "anUnused" | "aPerson" | "aStranger";

/** Credentials of which some count is above nought. */
const counting = (
  about: Omit<Query, "rowsAre" | "restsOn" | "params" | "columns" | "evaluate" | "sql">,
  count: Count,
  example: Example,
): Query => ({
  ...about,
  rowsAre: "findings",
  restsOn: "access.observed",
  params: [],
  columns: [text("credential"), number(count), ...["example", "as_of"].map(text)],
  evaluate: (entries) =>
    sorted(
      latest(entries).flatMap(({ last: { stream, data } }): readonly ResultRow[] =>
        data[count] > 0
          ? [{ credential: stream, [count]: data[count], example: data[example], as_of: data.until }]
          : [],
      ),
      "credential",
    ),
  sql: (
    dialect,
  ) => `SELECT stream AS credential, CAST(${count} AS BIGINT) AS ${count}, ${example.toLowerCase()} AS example,
  until AS as_of
FROM ${observed(dialect)} AS o WHERE CAST(${count} AS BIGINT) > 0
ORDER BY credential`,
});

/** Q4: nobody has read it for so long. */
export const dormant: Query = {
  id: "Q4",
  title: "Dormant credentials",
  basis: `${BASIS}. What nobody has used is counted from the first look. Of an access key the last request that it signed counts as well, of anything else what its secret was read for: use of a copy is not seen.`,
  rowsAre: "findings",
  restsOn: "access.observed",
  params: [{ name: "days", type: "number", what: "not read for so many days", default: 90 }],
  columns: ["credential", "last_used_at", "looked_since", "as_of"].map(text),
  evaluate: (entries, { days }, { at, ms }) =>
    sorted(
      latest(entries).flatMap(({ last: { stream, data }, since }) =>
        ms(data.lastUsedAt ?? since) <= ms(at) - Number(days) * DAY_MS
          ? [{ credential: stream, last_used_at: data.lastUsedAt, looked_since: since, as_of: data.until }]
          : [],
      ),
      "credential",
    ),
  sql: (
    dialect,
    { days },
    now,
  ) => `SELECT stream AS credential, lastusedat AS last_used_at, since AS looked_since, until AS as_of
FROM ${observed(dialect)} AS o WHERE ${dialect.ms("newest")} <= ${now} - ${Number(days) * DAY_MS}
ORDER BY credential`,
};

/** Q6: who may read it and never did. */
export const excess = counting(
  {
    id: "Q6",
    title: "Privileges granted and not used: who may read a credential and never did",
    basis: `${BASIS} and the policies of its account, evaluated offline. At most 200 principals of a credential are counted.`,
  },
  "unused",
  "anUnused",
);

/** Q8: read by who belongs elsewhere. */
export const strangers = counting(
  {
    id: "Q8",
    title: "Use across environments",
    basis: `${BASIS}. Where the secret and the reading role or user both carry tag rekey:environment, and not the same.`,
  },
  "strangers",
  "aStranger",
);

/** Q10: read by people. */
export const people = counting(
  {
    id: "Q10",
    title: "Use of workload credentials by people",
    basis: `${BASIS}. People are sessions of Identity Center, and whoever carries tag rekey:person=true; IAM tells no person's user from a machine's.`,
  },
  "people",
  "aPerson",
);

/** Q12: its workload's role is gone. */
export const offboarded: Query = {
  id: "Q12",
  title: "Live credentials of offboarded workloads",
  basis:
    "The workload tag names a role of the credential's account, and the newest look at that found no such role. Workloads that are not named by a role are not known to end.",
  rowsAre: "findings",
  restsOn: "access.observed",
  params: [],
  columns: ["credential", "last_used_at", "as_of"].map(text),
  evaluate: (entries) =>
    sorted(
      latest(entries).flatMap(({ last: { stream, data } }) =>
        data.workload === "gone" ? [{ credential: stream, last_used_at: data.lastUsedAt, as_of: data.until }] : [],
      ),
      "credential",
    ),
  sql: (dialect) => `SELECT stream AS credential, lastusedat AS last_used_at, until AS as_of
FROM ${observed(dialect)} AS o WHERE held_by = 'gone'
ORDER BY credential`,
};
