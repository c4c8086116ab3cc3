import type { Moment, Sealed } from "../entry.ts";
import { foldAll } from "../fold.ts";
import { boolean, DAY_MS, number, type Params, type Query, sorted, text } from "../query.ts";
import { literal } from "../sql.ts";

const columns = [
  ...["credential", "kind", "workload", "since"].map(text),
  number("age_days"),
  boolean("ever_replaced"),
];

/** Registered credentials with the age of what is in force: since it took over, or since the first event of it. */
const aged = (entries: readonly Sealed[], { at, ms }: Moment) =>
  [...foldAll(entries).values()].flatMap(({ id, kind, workload, replacedAt, firstAt }) => {
    const since = replacedAt ?? firstAt;
    const days = Math.floor((ms(at) - ms(since)) / DAY_MS);
    return kind === null
      ? []
      : [{ credential: id, kind, workload, since, age_days: days, ever_replaced: replacedAt !== null }];
  });

const agedSql = (where: string, now: string): string => `SELECT * FROM (
  SELECT c.stream AS credential, r.kind, r.workload, COALESCE(l.happened, c.firstat) AS since,
    CAST(FLOOR((${now} - COALESCE(l.ms, c.firstms)) / ${DAY_MS}.0) AS BIGINT) AS age_days,
    l.stream IS NOT NULL AS ever_replaced
  FROM credentials c JOIN registered r ON r.stream = c.stream LEFT JOIN latest l ON l.stream = c.stream
) AS aged WHERE ${where}
ORDER BY since, credential`;

const ofKind = (kinds: readonly string[]) => (entries: readonly Sealed[], _: Params, moment: Moment) =>
  sorted(
    aged(entries, moment).filter(({ kind }) => kinds.includes(kind)),
    "since",
    "credential",
  );

const BASIS =
  "Registered credentials. The age counts from when the current version took over; where Rekey has never replaced it, from the first event of it, so that the real age may be greater.";

/** Q9: what has been in force for too long. */
export const longLived: Query = {
  id: "Q9",
  title: "Credentials whose current version is older than it may be",
  basis: BASIS,
  rowsAre: "findings",
  params: [
    { name: "max_age_days", type: "number", what: "oldest that a version may be", default: 90 },
    { name: "kind", type: "text", what: "only of this kind; all when empty", default: "" },
  ],
  columns,
  evaluate: (entries, { max_age_days: most, kind: only }, moment) =>
    sorted(
      aged(entries, moment).filter(({ age_days: days, kind }) => days > Number(most) && (only === "" || only === kind)),
      "since",
      "credential",
    ),
  sql: (_, { max_age_days: most, kind: only }, now) =>
    agedSql(`age_days > ${Number(most)}${only === "" ? "" : ` AND kind = ${literal(String(only))}`}`, now),
};

/** Kinds whose credentials a provider outside AWS issues. */
const THIRD_PARTY = ["http"];
const SIGNING = ["kms-signing-key"];
const inList = (kinds: readonly string[]) => `kind IN (${kinds.map(literal).join(", ")})`;

/** Q20: what providers outside AWS issued. */
export const thirdParty: Query = {
  id: "Q20",
  title: "Credentials that third parties issued, with their age",
  basis: `${BASIS} Third parties are the providers of kind \`http\`. What each can reach at its provider is not recorded.`,
  rowsAre: "facts",
  params: [],
  columns,
  evaluate: ofKind(THIRD_PARTY),
  sql: (_, __, now) => agedSql(inList(THIRD_PARTY), now),
};

/** Q22: signing keys in KMS. */
export const signingKeys: Query = {
  id: "Q22",
  title: "Signing keys in KMS, with the age of the key in force",
  basis: `${BASIS} Keys that Rekey rotates (kind \`kms-signing-key\`); other keys of the account are not recorded.`,
  rowsAre: "facts",
  params: [],
  columns,
  evaluate: ofKind(SIGNING),
  sql: (_, __, now) => agedSql(inList(SIGNING), now),
};
