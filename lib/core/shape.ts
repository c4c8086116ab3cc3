export type Shape = readonly (string | readonly string[])[];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Whether something stands at a path with dots: own fields only. */
const has = (body: unknown, path: string): boolean => {
  let at: unknown = body;
  for (const key of path.split(".")) {
    if (!isObject(at) || !Object.hasOwn(at, key)) return false;
    at = at[key];
  }
  return at !== undefined && at !== null;
};

const alternatives = (place: string | readonly string[]) => (typeof place === "string" ? [place] : place);

/** Enough to see what is meant. */
const NAMED = 3;

const named = (place: string | readonly string[]): string => {
  const all = alternatives(place);
  return [...all.slice(0, NAMED), ...(all.length > NAMED ? ["another of its kind"] : [])].join(" or ");
};

/** The places of a shape that a body lacks, in the shape's order; of alternatives, the first are named. */
export const misses = (shape: Shape, body: unknown): readonly string[] =>
  shape.filter((place) => !alternatives(place).some((path) => has(body, path))).map(named);

/** Whether a body has every place of a shape. */
export const takes = (shape: Shape, body: unknown): boolean => shape.length > 0 && misses(shape, body).length === 0;
