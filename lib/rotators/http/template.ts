import { Misconfigured } from "../../core/errors.ts";

/** What a description's `{names}` stand for. */
export type Scope = Readonly<Record<string, string | undefined>>;

const NAME = /\{([a-z][\w.]*)\}/gi;

/** The names that a text asks for. */
export const namesIn = (text: string): readonly string[] => [...text.matchAll(NAME)].map(([, name = ""]) => name);

/** The text with every `{name}` filled in. Throws Misconfigured: which name nobody gave. */
export const fill = (text: string, scope: Scope, encode: (value: string) => string = String): string =>
  text.replaceAll(NAME, (_, name: string) => {
    const value = scope[name];
    if (value === undefined || value === "") throw missing(name);
    return encode(value);
  });

const missing = (name: string) => {
  const [from = "", field = ""] = name.split(".");
  if (from === "admin") return new Misconfigured(`The admin secret lacks field ${field}. Add it to its JSON.`);
  if (from === "material") return new Misconfigured(`The secret's JSON lacks field ${field}. Add it, then try again.`);
  return new Misconfigured(`The provider's description asks for {${name}}, which is not known in that call.`);
};

/** The same for every text in a JSON value. */
export const fillAll = (value: unknown, scope: Scope): unknown => {
  if (typeof value === "string") return fill(value, scope);
  if (Array.isArray(value)) return value.map((item) => fillAll(item, scope));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fillAll(inner, scope)]));
  }
  return value;
};

export const fillEach = (values: Readonly<Record<string, string>>, scope: Scope): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, text]) => [name, fill(text, scope)]));

/** Fields of JSON under a prefix, as a scope. */
export const scoped = (prefix: string, json: unknown): Scope =>
  typeof json === "object" && json !== null
    ? Object.fromEntries(
        Object.entries(json)
          .filter(([, value]) => typeof value === "string" || typeof value === "number")
          .map(([name, value]) => [`${prefix}.${name}`, String(value)]),
      )
    : {};
