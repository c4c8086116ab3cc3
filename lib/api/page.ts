import * as z from "zod/mini";
import { Problem } from "./problem.ts";

const MOST = 500;
const USUAL = 100;

const limit = z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(MOST)), USUAL);
/** What every list takes. */
export const Paged = {
  limit,
  cursor: z.optional(z.string().check(z.regex(/^[\w-]{1,2000}$/))),
};
export const next = z.optional(z.string());

export const toCursor = (key: string): string => Buffer.from(key).toString("base64url");

/** The key in a cursor; undefined without one. Throws Problem where this list has never given it. */
export const fromCursor = (cursor: string | undefined, form: RegExp): string | undefined => {
  if (cursor === undefined) return undefined;
  const key = Buffer.from(cursor, "base64url").toString();
  if (form.test(key)) return key;
  throw new Problem(400, `cursor ${cursor} is none of this list's`, "Take `next` of the page before, as it is.");
};

/** Those behind the cursor, by keys that sort as the list does and are each one's own: so every page gets further. */
export const pageBy = <T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  { after, limit: most }: { readonly after: string | undefined; readonly limit: number },
): { readonly items: readonly T[]; readonly next?: string } => {
  const left = items
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => after === undefined || key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const page = left.slice(0, most);
  const last = page.at(-1);
  return {
    items: page.map(({ item }) => item),
    ...(left.length > page.length && last && { next: toCursor(last.key) }),
  };
};
