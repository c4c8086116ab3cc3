import type { Sealed } from "./entry.ts";
import type { Page, ReviewStore } from "./store.ts";

/** What one call to the store behind a page brought: perhaps nothing, and still not the end. */
export type Fetched<T, K> = { readonly items: readonly T[]; readonly next?: K };

/**
 * Up to `limit` items, following the store's own pages until there are so many or no page follows. A page may be empty
 * and have a successor, as DynamoDB's may.
 */
export const following = async <T, K>(
  fetch: (from: K | undefined) => Promise<Fetched<T, K>>,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly T[]> => {
  const all: T[] = [];
  let from: K | undefined;
  do {
    const { items, next } = await fetch(from);
    all.push(...items);
    from = next;
  } while (from !== undefined && all.length < limit);
  return all.slice(0, limit);
};

const sizeOf = (event: Sealed): number => JSON.stringify(event).length;

/** As many of the events as fit, and the first in any case: a page that holds nothing would be asked for for ever. */
export const fitting = (events: readonly Sealed[], bytes: number): readonly Sealed[] => {
  let left = bytes;
  const end = events.findIndex((event) => {
    left -= sizeOf(event);
    return left < 0;
  });
  return end < 0 ? events : events.slice(0, Math.max(1, end));
};

/** One page of a list, bounded by number and bytes. Always gets further than `after` while anything is left. */
export const pageOf = async (
  store: Pick<ReviewStore, "page">,
  list: string,
  { after = -1, limit, bytes }: { readonly after?: number; readonly limit: number; readonly bytes: number },
): Promise<Page> => {
  const { events, next } = await store.page(list, after, limit);
  const kept = fitting(events, bytes);
  const last = kept.at(-1);
  if (kept.length < events.length && last) return { events: kept, next: last.index };
  return { events, ...(next !== undefined && { next }) };
};

/** One page over several lists, in the log's order: a day's eight. */
export const mergedPage = async (
  store: Pick<ReviewStore, "page">,
  lists: readonly string[],
  { after = -1, limit, bytes }: { readonly after?: number; readonly limit: number; readonly bytes: number },
): Promise<Page> => {
  const pages = await Promise.all(lists.map((list) => store.page(list, after, limit)));
  const all = pages.flatMap(({ events }) => events).sort((a, b) => a.index - b.index);
  // Behind the first list that has more, others may hold what comes earlier.
  const known = Math.min(...pages.map(({ next }) => next ?? Number.POSITIVE_INFINITY));
  const kept = fitting(all.filter(({ index }) => index <= known).slice(0, limit), bytes);
  const last = kept.at(-1);
  const isWhole = kept.length === all.length && known === Number.POSITIVE_INFINITY;
  return { events: kept, ...(!isWhole && last && { next: last.index }) };
};
