import type { Moment, Sealed } from "./entry.ts";
import { seenBy } from "./entry.ts";
import { exceptionsIn, excuses } from "./queries/exceptions.ts";
import { type Answer, answer, parseParams, queries } from "./queries.ts";
import type { ResultRow } from "./query.ts";

/** When a check is met: no rows at all, or a column within a bound in every row. */
export type Pass =
  | { readonly rows: 0 }
  | { readonly column: string; readonly atLeast: number }
  | { readonly column: string; readonly atMost: number };

/** One query with its parameters, met when every bound is; without any its rows are shown and nothing is judged. */
export type Check = {
  readonly query: `Q${number}`;
  readonly params?: Readonly<Record<string, string>>;
  readonly pass?: readonly Pass[];
};

export type Control = {
  readonly id: string;
  /** In our own words, where the framework's text is somebody's. */
  readonly title: string;
  readonly checks: readonly Check[];
  /** What the record would have to hold to say more; needed where there is no check. */
  readonly lacks?: string;
};

export type Framework = {
  /** As the command takes it. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Where ids and titles were looked up. */
  readonly source: string;
  /** The day of that. */
  readonly reviewedOn: string;
  readonly controls: readonly Control[];
};

export const defineFramework = (framework: Framework): Framework => framework;

/**
 * `met`, `not met` by the threshold · `shown` rows that nobody judged · `no data` nothing is recorded to judge ·
 * `not recorded` no query tells of it.
 */
export type Verdict = "met" | "not met" | "shown" | "no data" | "not recorded";
export type Checked = {
  readonly check: Check;
  readonly answer: Answer;
  readonly verdict: Verdict;
  /** How many of its rows an open exception excuses: they are shown and not judged. */
  readonly excepted: number;
};
export type Assessed = { readonly control: Control; readonly verdict: Verdict; readonly checked: readonly Checked[] };

const holds = (pass: Pass, row: ResultRow): boolean => {
  if ("rows" in pass) return false;
  const value = row[pass.column];
  // Null is a measurement of nothing, such as a rate over no attempts.
  if (typeof value !== "number") return true;
  return "atLeast" in pass ? value >= pass.atLeast : value <= pass.atMost;
};

const isMeasured = (pass: Pass, rows: readonly ResultRow[]): boolean =>
  "column" in pass && rows.some((row) => typeof row[pass.column] === "number");

const judge = ({ pass = [] }: Check, rows: readonly ResultRow[]): Verdict => {
  if (rows.length === 0) return pass.some((one) => "rows" in one) ? "met" : "no data";
  if (pass.length === 0) return "shown";
  if (!pass.every((one) => rows.every((row) => holds(one, row)))) return "not met";
  return pass.every((one) => isMeasured(one, rows)) ? "met" : "no data";
};

const WORST: readonly Verdict[] = ["not met", "met", "shown", "no data", "not recorded"];

const ask = (check: Check, entries: readonly Sealed[], asOf: Answer["asOf"], ms: Moment["ms"]): Checked => {
  const query = queries.find(({ id }) => id === check.query);
  if (!query) throw new Error(`a control asks ${check.query}, which is no query`);
  const parsed = parseParams(query, check.params ?? {});
  if (!("params" in parsed)) throw new Error(`a control asks ${check.query} with ${parsed.problems.join("; ")}`);
  const told = answer(query, parsed.params, entries, asOf, ms);
  const seen = seenBy(entries, asOf);
  const isExcused = excuses(exceptionsIn(seen), query.id, asOf.at);
  const judged = told.rows.filter((row) => !isExcused(row["credential"]));
  const isLookedAt = !query.restsOn || seen.some(({ type }) => type === query.restsOn);
  const verdict = isLookedAt ? judge(check, judged) : "no data";
  return { check, answer: told, verdict, excepted: told.rows.length - judged.length };
};

/**
 * What the record says for one control. It is evidence for whoever assesses the control, and covers what Rekey did
 * and nothing else: it is no statement that the control is fulfilled.
 */
export const assess = (
  control: Control,
  entries: readonly Sealed[],
  asOf: Answer["asOf"],
  ms: Moment["ms"],
): Assessed => {
  const checked = control.checks.map((check) => ask(check, entries, asOf, ms));
  const verdict = WORST.find((one) => checked.some((each) => each.verdict === one)) ?? "not recorded";
  return { control, verdict, checked };
};
