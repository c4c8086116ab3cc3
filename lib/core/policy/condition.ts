import type { Condition } from "./document.ts";
import { ANY, matches, ONE, type Piece } from "./glob.ts";
import { filledIn, type Lookup } from "./variables.ts";
import { all, not, some, type Verdict, verdict } from "./verdict.ts";

/**
 * docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
 * …/reference_policies_condition-single-vs-multi-valued-context-keys.html: several values of the policy are OR, of a
 * negated operator NOR; an absent key fails, and passes a negated operator, `…IfExists` and `ForAllValues`.
 */
type Compare = (actual: string, expected: string) => boolean | undefined;

const numbers =
  (holds: (a: number, b: number) => boolean): Compare =>
  (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? undefined : holds(x, y);
  };

const MOMENT = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?Z)?$/;
/** Comparable as text; undefined for other forms, such as seconds since 1970. */
const moment = (text: string): string | undefined => {
  const [, day, time = "00:00:00", fraction = ""] = MOMENT.exec(text) ?? [];
  return day && `${day}T${time}.${fraction.padEnd(3, "0")}`;
};
const dates =
  (holds: (a: string, b: string) => boolean): Compare =>
  (a, b) => {
    const [x, y] = [moment(a), moment(b)];
    return x && y ? holds(x, y) : undefined;
  };

const ORDERED: readonly (readonly [string, (a: string | number, b: string | number) => boolean])[] = [
  ["equals", (a, b) => a === b],
  ["lessthan", (a, b) => a < b],
  ["lessthanequals", (a, b) => a <= b],
  ["greaterthan", (a, b) => a > b],
  ["greaterthanequals", (a, b) => a >= b],
];

const COMPARE: Readonly<Record<string, Compare>> = {
  bool: (a, b) => a.toLowerCase() === b.toLowerCase(),
  binaryequals: (a, b) => a === b,
  ...Object.fromEntries(ORDERED.map(([name, holds]) => [`numeric${name}`, numbers(holds)])),
  ...Object.fromEntries(ORDERED.map(([name, holds]) => [`date${name}`, dates(holds)])),
};

const CHARS: Readonly<Record<number, string>> = { [ANY]: "*", [ONE]: "?" };
const asText = (pattern: readonly Piece[]) =>
  pattern.map((piece) => (typeof piece === "string" ? piece : CHARS[piece])).join("");

/** Text operators: variables count in their values. */
const TEXT: Readonly<Record<string, (actual: string, pattern: readonly Piece[]) => boolean>> = {
  stringequals: (actual, pattern) => actual === asText(pattern),
  stringequalsignorecase: (actual, pattern) => actual.toLowerCase() === asText(pattern).toLowerCase(),
  stringlike: (actual, pattern) => matches(pattern, actual),
  arnequals: (actual, pattern) => matches(pattern, actual),
  arnlike: (actual, pattern) => matches(pattern, actual),
};

type Asked = { readonly lookup: Lookup; readonly hasVariables: boolean };

const textVerdict = (base: string, actual: string, expected: string, { lookup, hasVariables }: Asked): Verdict => {
  const filled = filledIn(expected, hasVariables, lookup);
  if (!filled) return "no";
  if (filled.isSure) return verdict(TEXT[base]?.(actual, filled.pattern) === true);
  return matches(filled.pattern, actual) ? "maybe" : "no";
};

const oneVerdict = (base: string, actual: string, expected: string, asked: Asked): Verdict => {
  if (TEXT[base]) return textVerdict(base, actual, expected, asked);
  const holds = COMPARE[base]?.(actual, expected);
  return holds === undefined ? "maybe" : verdict(holds);
};

const OPERATOR = /^(?:(forallvalues|foranyvalue):)?(.+?)(ifexists)?$/;
const NEGATED = /^(string|numeric|date|arn)not(equals|like|equalsignorecase)$|^(not)ipaddress$/;

const read = (operator: string) => {
  const [, set, name = "", ifExists] = OPERATOR.exec(operator.toLowerCase()) ?? [];
  const negated = NEGATED.exec(name);
  const base = negated ? (negated[3] ? "ipaddress" : `${negated[1]}${negated[2]}`) : name;
  return { set, base, isNegated: negated !== null, ifExists: ifExists !== undefined };
};

const absent = ({ set, isNegated, ifExists }: ReturnType<typeof read>): Verdict => {
  if (set === "foranyvalue") return "no";
  return verdict(ifExists || set === "forallvalues" || isNegated);
};

const nullCheck = (found: readonly string[] | undefined, values: readonly string[]): Verdict =>
  found === undefined ? "maybe" : some(values, (value) => verdict((found.length === 0) === (value === "true")));

/** Whether one line of a Condition block holds. `maybe` for keys and operators that nobody can decide beforehand. */
export const holds = ({ operator, key, values }: Condition, asked: Asked): Verdict => {
  const found = asked.lookup(key.toLowerCase());
  const how = read(operator);
  if (how.base === "null") return nullCheck(found, values);
  if (found === undefined) return "maybe";
  if (found.length === 0) return absent(how);
  const one = (actual: string): Verdict => {
    const matched = some(values, (expected) => oneVerdict(how.base, actual, expected, asked));
    return how.isNegated ? not(matched) : matched;
  };
  if (how.set === "forallvalues") return all(found, one);
  if (how.set === "foranyvalue") return some(found, one);
  return found.length > 1 ? "maybe" : all(found, one);
};
