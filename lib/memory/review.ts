import type { Sealed } from "../core/review/entry.ts";
import type { CredentialState } from "../core/review/fold.ts";
import { following } from "../core/review/pages.ts";
import type { ReviewStore, Watermark } from "../core/review/store.ts";
import { type Faults, faults } from "./faults.ts";

/** What the projection holds: it outlives a process. */
export type ReviewTable = {
  readonly lists: Map<string, Map<number, Sealed>>;
  readonly states: Map<string, CredentialState>;
  mark: Watermark | undefined;
};

export const reviewTable = (): ReviewTable => ({ lists: new Map(), states: new Map(), mark: undefined });

/** Of one answer of DynamoDB (docs.aws.amazon.com, API_Query: "a maximum of 1 MB"). */
const PAGE_BYTES = 1_048_576;

/**
 * The projection in Maps. Like the real one it answers in pages of so many bytes: one that an item does not fit into
 * holds that item alone, and one that ends where the list does still names a successor, which is empty.
 */
export const memoryReview = (
  table: ReviewTable,
  layer: Faults = faults(),
  pageBytes: number = PAGE_BYTES,
): ReviewStore => {
  const fetch = (list: string, after: number) => {
    const later = [...(table.lists.get(list)?.values() ?? [])]
      .filter(({ index }) => index > after)
      .sort((a, b) => a.index - b.index);
    let left = pageBytes;
    const end = later.findIndex((event) => {
      left -= JSON.stringify(event).length;
      return left < 0;
    });
    const items = end < 0 ? later : later.slice(0, Math.max(1, end));
    const last = items.at(-1);
    return { items, ...(last && { next: last.index }) };
  };
  return {
    watermark: () => layer.call("review.watermark", () => table.mark),
    advance: (from, to) =>
      layer.call("review.advance", () => {
        if ((table.mark?.size ?? 0) !== from) return false;
        if (to.size < from) throw new Error("law broken: the watermark falls");
        table.mark = to;
        return true;
      }),
    states: (ids) =>
      layer.call(
        "review.states",
        () =>
          new Map(ids.flatMap((id) => (table.states.has(id) ? [[id, table.states.get(id) as CredentialState]] : []))),
      ),
    async write(events, states) {
      // Item by item, as the real one: a crash leaves any part of a batch.
      for (const { list, event } of events)
        await layer.call("review.line", () => {
          const lines = table.lists.get(list) ?? new Map<number, Sealed>();
          table.lists.set(list, lines.set(event.index, event));
        });
      for (const state of states)
        await layer.call("review.state", () => {
          if ((table.states.get(state.id)?.index ?? -1) <= state.index) table.states.set(state.id, state);
        });
    },
    async page(list, after, limit) {
      const events = await following(async (from: number | undefined) => fetch(list, from ?? after), limit);
      const last = events.at(-1);
      return { events, ...(last && fetch(list, last.index).items.length > 0 && { next: last.index }) };
    },
    overdue: async () =>
      [...table.states.values()]
        .filter(({ overdue }) => overdue !== null)
        .sort((a, b) => (`${a.overdue?.owed}#${a.id}` < `${b.overdue?.owed}#${b.id}` ? -1 : 1)),
    async clear() {
      table.mark = undefined;
      table.lists.clear();
      table.states.clear();
    },
  };
};
