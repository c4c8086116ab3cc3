import { Unrecordable } from "./errors.ts";

/** Deeper than any event of ours; bounds recursion, so that a cycle is refused rather than a crash. */
const MAX_DEPTH = 32;

const refuse = (path: string, what: string): never => {
  throw new Unrecordable(`${path} ${what}; only strings, finite numbers, booleans, null, arrays and plain objects fit`);
};

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.getOwnPropertySymbols(value).length === 0;
};

const string = (value: string, path: string): string =>
  value.isWellFormed() ? JSON.stringify(value) : refuse(path, "holds half of a surrogate pair");

const array = (value: readonly unknown[], path: string, depth: number): string => {
  // Array.from visits holes, which map would pass over.
  const items = Array.from(value, (item, i) => write(item, `${path}[${i}]`, depth + 1));
  return `[${items.join(",")}]`;
};

// RFC 8785 §3.2.3 sorts by UTF-16 code units, as Array.prototype.sort does. The text is built here, not by
// JSON.stringify of a sorted object, since objects always list integer-like keys first.
const object = (value: object, path: string, depth: number): string => {
  if (!isPlain(value)) refuse(path, "is not a plain object");
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${string(key, path)}:${write(item, `${path}.${key}`, depth + 1)}`).join(",")}}`;
};

const write = (value: unknown, path: string, depth: number): string => {
  if (depth > MAX_DEPTH) refuse(path, `is nested deeper than ${MAX_DEPTH}`);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return string(value, path);
  if (typeof value === "number") return Number.isFinite(value) ? JSON.stringify(value) : refuse(path, "is not finite");
  if (typeof value !== "object") return refuse(path, `is of type ${typeof value}`);
  return Array.isArray(value) ? array(value, path, depth) : object(value, path, depth);
};

/**
 * The one JSON text of a value (RFC 8785), starting error paths with `name`.
 * Throws Unrecordable on what JSON would drop or bend: undefined, functions, bigints, NaN, dates, class instances.
 */
export const canonical = (value: unknown, name = "value"): string => write(value, name, 0);
