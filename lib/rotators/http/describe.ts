import { Misconfigured } from "../../core/errors.ts";
import type { Description } from "./description.ts";
import { parseDescription } from "./parse.ts";
import { shipped } from "./shipped.ts";

/** Descriptions by name; each is read when it is first needed. */
export type Descriptions = Readonly<Record<string, () => Promise<unknown>>>;

/** Finds descriptions by name, the given ones before the shipped. Throws Misconfigured for a name that is not there. */
export const describer = (extra: Descriptions = {}): ((name: string) => Promise<Description>) => {
  const all = { ...shipped, ...extra };
  const known = new Map<string, Description>();
  return async (name) => {
    const before = known.get(name);
    if (before) return before;
    const load = Object.hasOwn(all, name) ? all[name] : undefined;
    if (!load) {
      throw new Misconfigured(
        `Tag rekey:provider is ${name}, which no description is there for. Set it to one of: ${Object.keys(all).join(", ")}.`,
      );
    }
    const description = parseDescription(name, await load());
    known.set(name, description);
    return description;
  };
};
