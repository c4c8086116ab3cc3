import type { Moment, Sealed } from "./entry.ts";
import type { Dialect } from "./sql.ts";

export type Cell = string | number | boolean | null;
export type ResultRow = Readonly<Record<string, Cell>>;
export type Column = { readonly name: string; readonly type: "text" | "number" | "boolean" };
export type Param = {
  readonly name: string;
  readonly type: "text" | "number";
  readonly what: string;
  /** Absent: it must be given. */
  readonly default?: string | number;
};
export type Params = Readonly<Record<string, string | number>>;

/** One question of reviewers, with the same answer from memory and from SQL. */
export type Query = {
  readonly id: `Q${number}`;
  readonly title: string;
  /** What the answer rests on, and what it cannot know. */
  readonly basis: string;
  /** Rows are things to act on, so that none is good news; a measurement otherwise. */
  readonly rowsAre: "findings" | "facts";
  /** Without any event of this type nothing was looked at, and no row is no good news. */
  readonly restsOn?: Sealed["type"];
  readonly params: readonly Param[];
  readonly columns: readonly Column[];
  /** The truth: over the log's entries up to the moment, in index order. */
  readonly evaluate: (entries: readonly Sealed[], params: Params, moment: Moment) => readonly ResultRow[];
  /**
   * A SELECT over the common table `events` and what `sql.ts` derives from it, with a total order. `now`: an expression
   * for the moment, in milliseconds since 1970.
   */
  readonly sql: (dialect: Dialect, params: Params, now: string) => string;
};

export const text = (name: string): Column => ({ name, type: "text" });
export const number = (name: string): Column => ({ name, type: "number" });
export const boolean = (name: string): Column => ({ name, type: "boolean" });

export const DAY_MS = 86_400_000;

/** The value at or below which `percent` of the values lie (nearest rank), null of none. SQL's twin is `ranked`. */
export const percentile = (values: readonly number[], percent: number): number | null =>
  values.toSorted((a, b) => a - b)[Math.floor((percent * values.length + 99) / 100) - 1] ?? null;

/** Compares by UTF-16 code units, which for the ASCII of ids and instants is how SQL engines compare too. */
const order = (a: Cell, b: Cell): number => {
  if (a === b) return 0;
  if (a === null) return 1;
  return b !== null && a < b ? -1 : 1;
};

/** Rows by these columns, nulls last. */
export const sorted = (rows: readonly ResultRow[], ...by: readonly string[]): readonly ResultRow[] =>
  rows.toSorted((a, b) => by.map((name) => order(a[name] ?? null, b[name] ?? null)).find((sign) => sign !== 0) ?? 0);
