import { describe, expect, it } from "vitest";
import type { LifecycleEvent } from "../../lib/core/events.ts";

import { beat, rehash, type WatchWorld } from "../../lib/engine/watch.ts";
import { append, drain, type World, world } from "../core/ledger/world.ts";

const HOUR_MS = 3_600_000;

/** A log of 300 entries, looked after; what is appended to it is sealed when a test says so. */
const arrange = async () => {
  const w: World = world();
  for (let n = 0; n < 300; n += 1) await append(w, `cred-${n % 3}`, n);
  await drain(w);
  const rows: LifecycleEvent[] = [];
  const watch = (change: Partial<WatchWorld> = {}): WatchWorld => ({
    ledger: {
      append: async (event) => {
        if (!rows.some(({ id }) => id === event.id)) rows.push(event);
        return { seq: rows.findIndex(({ id }) => id === event.id) + 1 };
      },
    },
    by: w.by,
    read: w.read,
    clock: w.clock,
    ...change,
  });
  return { w, rows, watch };
};

describe("the ledger is looked after from outside", () => {
  it("beats once an hour, however often it is called, and is fresh while events are sealed", async () => {
    const { rows, watch } = await arrange();
    expect(await beat(watch())).toMatchObject({ isStale: false });
    await beat(watch());
    expect(rows.map(({ type }) => type)).toEqual(["ledger.heartbeat"]);
  });

  it("is stale once nothing was sealed for more than an hour and ten minutes", async () => {
    const { w, watch } = await arrange();
    w.clock.advance(HOUR_MS);
    expect(await beat(watch())).toMatchObject({ isStale: false });
    w.clock.advance(HOUR_MS);
    expect(await beat(watch())).toMatchObject({ isStale: true });
  });

  it("is stale where beats were taken and there is no checkpoint, and new where this is the first", async () => {
    const { w, watch } = await arrange();
    const gone = watch({ read: async () => undefined });
    expect(await beat(gone)).toEqual({ isStale: false, newest: null });
    w.clock.advance(HOUR_MS);
    expect(await beat(gone)).toEqual({ isStale: true, newest: null });
  });

  it("is hashed anew and found whole, while the sealer goes on", async () => {
    const { rows, watch } = await arrange();
    expect(await rehash(watch())).toMatchObject({ good: true });
    expect(rows.at(-1)).toMatchObject({ type: "ledger.verified", data: { good: true, size: 300, findings: 0 } });
  });

  it.each(["tile/entries/000", "tile/0/000"])("is found altered in %s, and says where", async (path) => {
    const { w, rows, watch } = await arrange();
    const read: WatchWorld["read"] = async (asked) => {
      const bytes = await w.read(asked);
      if (asked !== path || !bytes) return bytes;
      const copy = Uint8Array.from(bytes);
      copy[100] = (copy[100] ?? 0) ^ 1;
      return copy;
    };
    expect(await rehash(watch({ read }))).toMatchObject({ good: false });
    expect(rows.at(-1)).toMatchObject({ type: "ledger.verified", data: { good: false, first: expect.any(String) } });
  });
});
