import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitting, mergedPage, pageOf } from "../../lib/core/review/pages.ts";
import { credentialList, dayLists, type Page, type ReviewStore } from "../../lib/core/review/store.ts";
import { faults } from "../../lib/memory/faults.ts";
import { memoryReview } from "../../lib/memory/review.ts";
import { arn } from "./logs.ts";
import { many, whole } from "./projected.ts";

describe("pages", () => {
  const list = credentialList(arn("c0"));
  /** Reads a list to its end; fails where a page does not get further. */
  const readAll = async (store: ReviewStore, lists: readonly string[], limit: number, bytes: number) => {
    const seen: number[] = [];
    for (let after: number | undefined = -1; after !== undefined; ) {
      const page: Page =
        lists.length > 1
          ? await mergedPage(store, lists, { after, limit, bytes })
          : await pageOf(store, lists[0] ?? "", { after, limit, bytes });
      if (page.next !== undefined) expect(page.next).toBeGreaterThan(after);
      seen.push(...page.events.map(({ index }) => index));
      after = page.next;
    }
    return seen;
  };
  it("lose nothing where the store's own page ends (a list of 3 MB)", async () => {
    const table = await whole(many(21 * 220, 15_000));
    const size = [...(table.lists.get(list)?.values() ?? [])].reduce((sum, e) => sum + JSON.stringify(e).length, 0);
    const all = [...(table.lists.get(list)?.keys() ?? [])];
    expect(size).toBeLessThan(3_000_000);
    const store = memoryReview(table, faults(), 40_000);
    expect((await store.page(list, -1, 10_000)).events).toHaveLength(all.length);
    expect(await readAll(store, [list], 50, 1_000_000)).toEqual(all);
  }, 30_000);
  it("hold one event that is larger than a page, and go on behind it", async () => {
    const table = await whole(many(210, 12_000));
    const store = memoryReview(table, faults(), 1000);
    const all = [...(table.lists.get(list)?.keys() ?? [])];
    expect(all.length).toBeGreaterThan(5);
    expect(await readAll(store, [list], 3, 500)).toEqual(all);
    expect(fitting([...(table.lists.get(list)?.values() ?? [])], 10)).toHaveLength(1);
  });
  it("merge a day's lists in the log's order, whatever the bounds", async () => {
    const entries = many(300, 50);
    const table = await whole(entries);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4000 }), async (limit, bytes) => {
        const store = memoryReview(table, faults(), 700);
        const seen = await readAll(store, dayLists("2026-01-01"), limit, bytes);
        expect(seen).toEqual(entries.map(({ index }) => index));
      }),
      { numRuns: 40 },
    );
  });
});
