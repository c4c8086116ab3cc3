import { ANY, literal, type Piece, pieces } from "./glob.ts";

/**
 * The value of a condition key in the request: a list of one or more, empty where the request has no such key, undefined
 * where nobody knows beforehand. Keys come in lower case.
 */
export type Lookup = (key: string) => readonly string[] | undefined;

/** A pattern with its variables filled in. `isSure` false: an unknown variable stands in it as `*`. */
export type Filled = { readonly pattern: readonly Piece[]; readonly isSure: boolean };

/** `${key}`, `${key, 'default'}`, and `${*}`, `${?}`, `${$}` for the characters themselves. */
const VARIABLE = /\$\{([^}]*)\}/g;
const KEY = /^\s*([^\s,]+)\s*(?:,\s*'([^']*)')?\s*$/;

const filledOne = (inside: string, lookup: Lookup): Filled | undefined => {
  if (["*", "?", "$"].includes(inside)) return { pattern: literal(inside), isSure: true };
  const [, key = "", otherwise] = KEY.exec(inside) ?? [];
  const found = lookup(key.toLowerCase());
  if (found === undefined || found.length > 1) return { pattern: [ANY], isSure: false };
  const value = found[0] ?? otherwise;
  return value === undefined ? undefined : { pattern: literal(value), isSure: true };
};

/**
 * A policy's text as a pattern (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html). Undefined
 * where a variable has neither value nor default: then nothing matches.
 */
export const filledIn = (text: string, hasVariables: boolean, lookup: Lookup): Filled | undefined => {
  if (!hasVariables || !text.includes("${")) return { pattern: pieces(text), isSure: true };
  const parts: Filled[] = [];
  let from = 0;
  for (const found of text.matchAll(VARIABLE)) {
    parts.push({ pattern: pieces(text.slice(from, found.index)), isSure: true });
    const part = filledOne(found[1] ?? "", lookup);
    if (!part) return undefined;
    parts.push(part);
    from = found.index + found[0].length;
  }
  parts.push({ pattern: pieces(text.slice(from)), isSure: true });
  return { pattern: parts.flatMap(({ pattern }) => pattern), isSure: parts.every(({ isSure }) => isSure) };
};
