import { Misconfigured } from "../../core/errors.ts";
import { at } from "./answer.ts";
import type { Description } from "./description.ts";
import type { Provider } from "./provider.ts";

/** One key that the provider says there is. */
export type Item = {
  readonly id: string;
  /** What its maker wrote beside it; may hold our marker. */
  readonly note: string;
  readonly isActive: boolean;
  readonly slot?: string;
  readonly lastUsed?: unknown;
};
type List = NonNullable<Description["list"]>;

/** A hundred pages of a hundred: more keys than any provider here lets one subject have. */
const MOST_PAGES = 100;

const text = (value: unknown): string | undefined =>
  (typeof value === "string" && value !== "" && value !== "null") || typeof value === "number"
    ? String(value)
    : undefined;

/** A row without names as an object, by the columns that the answer describes. */
const named = (row: unknown, columns: unknown): unknown => {
  if (!Array.isArray(row) || !Array.isArray(columns)) return row;
  return Object.fromEntries(row.map((value, i) => [String(at(columns[i], "/name")), value]));
};

const asItem = (list: List, row: unknown): readonly Item[] => {
  const id = list.id.map((pointer) => text(at(row, pointer))).find((found) => found !== undefined);
  const slot = list.slot?.names[text(at(row, list.slot.at)) ?? ""];
  if (id === undefined || (list.slot && slot === undefined)) return [];
  const { active, marker, lastUsed } = list;
  return [
    {
      id,
      note: (marker && text(at(row, marker))) ?? "",
      isActive: active === undefined || at(row, active.at) === active.is,
      ...(slot !== undefined && { slot }),
      ...(lastUsed && { lastUsed: at(row, lastUsed) }),
    },
  ];
};

export type Listing = {
  readonly items: readonly Item[];
  /** How many there may be, where the provider tells. */
  readonly most: number | undefined;
};
type Page = { readonly rows: readonly unknown[]; readonly query: Readonly<Record<string, string>> | undefined };

const pageOf = ({ items, columns, next }: List, json: unknown, number: number): Page => {
  const found = at(json, items);
  if (!Array.isArray(found))
    throw new Misconfigured(`The list of keys is not at ${items || "the root"} of the answer.`);
  const rows = found.map((row) => named(row, columns && at(json, columns)));
  if (next?.type === "page" && rows.length >= next.size) {
    return { rows, query: { [next.parameter]: String(next.from + number + 1) } };
  }
  const cursor = next?.type === "cursor" && at(json, next.more) === true ? text(at(json, next.at)) : undefined;
  return { rows, query: next?.type === "cursor" && cursor ? { [next.parameter]: cursor } : undefined };
};

/** Every key of the subject, whoever made it. */
export const listKeys = async (provider: Provider): Promise<readonly Item[]> => (await inventory(provider)).items;

/** The same, with the provider's limit. Throws Misconfigured where the list never ends. */
export const inventory = async ({ description, ask }: Provider): Promise<Listing> => {
  const { list } = description;
  if (!list) return { items: [], most: undefined };
  const found: Item[] = [];
  let most: unknown;
  let query: Page["query"] = {};
  for (let number = 0; number < MOST_PAGES && query; number++) {
    const call = { ...list.call, query: { ...list.call.query, ...query } };
    const { json } = await ask({ call, what: "list the keys", isRepeatable: true });
    const page = pageOf(list, json, number);
    found.push(...page.rows.flatMap((row) => asItem(list, row)));
    query = page.query;
    most = list.most && at(json, list.most);
  }
  if (query === undefined) return { items: found, most: typeof most === "number" ? most : undefined };
  throw new Misconfigured(
    `Provider ${description.name} lists more than ${MOST_PAGES} pages of keys. Nothing was changed.`,
  );
};
