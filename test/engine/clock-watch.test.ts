import { describe, expect, test } from "vitest";
import type { Instant } from "../../lib/core/types.ts";
import { enrol } from "../../lib/engine/clock-enrol.ts";
import { HOUR, id, START, world } from "../support/clock-world.ts";

describe("a schedule that Secrets Manager keeps", () => {
  const native = { keeper: "secrets-manager", schedule: "rate(1 day)" } as const;
  const known = (rotatedAt: Instant) => ({
    ...{ id: id(1), name: "s1", kind: "demo", workload: "w" as never, network: "default", protected: false },
    identifiers: [],
    rotatedAt,
  });

  test("is watched: not rotated, told once when it is over a day and a window late, and forgiven when it was done", async () => {
    const w = world();
    await w.put(1, native);
    await w.inventory.put(known(START));
    await w.pass(52 * HOUR);
    expect(w.asked).toEqual([]);
    expect(w.repairs, "it is examined, once").toEqual([id(1)]);
    expect(w.events.map(({ type, data }) => [type, "keeper" in data && data.keeper])).toEqual([
      ["rotation.overdue", "secrets-manager"],
    ]);
    expect(await w.timetable.overdue()).toHaveLength(1);
    await w.inventory.put(known(w.clock.now()));
    await w.pass(2 * HOUR);
    expect(await w.timetable.overdue()).toEqual([]);
  });

  test("whose attempt has died is rotated once that was cleared, unless an incident holds it", async () => {
    for (const [incident, verbs] of [
      [undefined, ["rotate"]],
      ["inc-1", []],
    ] as const) {
      const w = world();
      w.repairsBy("clear");
      if (incident) w.held.set(id(1), incident);
      await w.put(1, native);
      await w.inventory.put(known(START));
      await w.pass(52 * HOUR);
      expect(w.repairs).toEqual([id(1)]);
      expect(w.asked.map(({ verb }) => verb)).toEqual(verbs);
    }
  });

  test("is quiet while the inventory sees it rotated", async () => {
    const w = world();
    await w.put(1, native);
    for (let day = 0; day < 5; day += 1) {
      await w.inventory.put(known(w.clock.now()));
      await w.pass(24 * HOUR);
    }
    expect(w.events).toEqual([]);
  });
});

describe("discovery", () => {
  const entry = (tags: Record<string, string>, schedule?: string) => ({
    ...{ id: id(1), name: "s1", labels: {}, tags },
    ...(schedule && { schedule }),
  });
  const credential = { id: id(1), name: "s1", kind: "demo", workload: "w" as never, network: "n", protected: false };
  const put = (w: ReturnType<typeof world>, tags: Record<string, string>, schedule?: string) =>
    enrol(w.engine, { ...credential, identifiers: [] }, entry(tags, schedule), tags);

  test("puts a tagged secret into the timetable once, moves it when its tag changes, and takes it out with its tag", async () => {
    const w = world();
    expect(await put(w, { schedule: "rate 1 hour" })).toEqual({ facts: { schedule: "rate(1 hour)" } });
    const first = await w.due(1);
    await put(w, { schedule: "rate 1 hour" });
    expect(await w.due(1)).toEqual(first);
    await put(w, { schedule: "rate 2 hours" });
    expect((await w.due(1)).timing.schedule).toBe("rate(2 hours)");
    await put(w, {});
    expect((await w.due(1)).parked).toBe(true);
    await w.pass(5 * HOUR);
    expect(w.asked).toEqual([]);
  });

  test("tells what is wrong with a tag, and lets rotation rules hold where there are both", async () => {
    const w = world();
    expect((await put(w, { schedule: "often" })).problem).toContain("neither rate(…) nor cron(…)");
    expect(await w.timetable.get(id(1))).toBeUndefined();
    expect((await put(w, { schedule: "rate 1 hour" }, "rate(7 days)")).problem).toContain("Remove one");
    expect((await w.due(1)).timing).toEqual({ keeper: "secrets-manager", schedule: "rate(7 days)" });
  });
});
