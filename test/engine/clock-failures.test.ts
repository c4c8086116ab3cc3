import { describe, expect, test } from "vitest";
import type { VersionId } from "../../lib/core/types.ts";
import { HOUR, HOURLY, id, MINUTE, ONCE, type Rotate, START, thrown, world } from "../support/clock-world.ts";

describe("failures", () => {
  test("back off from a minute to an hour, keep the version while it may still pass, and are told once when late", async () => {
    const w = world();
    await w.put(1, ONCE);
    w.answers(() => thrown("Forbidden"));
    await w.pass(6 * HOUR);
    expect(w.asked.length).toBeGreaterThan(8);
    expect(w.asked.length).toBeLessThan(14);
    expect(new Set(w.asked.slice(0, 3).map(({ attempt }) => attempt)).size).toBe(1);
    expect(w.asked[3]?.attempt).not.toBe(w.asked[2]?.attempt);
    expect(w.events.map(({ type, id: event }) => `${type} ${event}`)).toEqual([`rotation.overdue overdue:${START}`]);
    expect((await w.timetable.overdue()).map(({ credential, why }) => [credential, why])).toEqual([
      [id(1), "permission"],
    ]);
    expect(w.people).toEqual([{ moment: "overdue", subject: id(1), key: `${id(1)}:overdue:${START}` }]);
    w.answers(() => undefined);
    await w.pass(HOUR);
    expect(await w.timetable.overdue()).toEqual([]);
  });

  test("that other material may mend come with another version", async () => {
    const w = world();
    await w.put(1, { ...HOURLY, startsNow: true });
    w.answers(() => thrown("AgainstPolicy"));
    await w.pass(10 * MINUTE);
    expect(new Set(w.asked.map(({ attempt }) => attempt)).size).toBe(w.asked.length);
  });

  test("of a target spare it: all that it holds waits, what others hold does not", async () => {
    const w = world();
    for (let n = 0; n < 20; n += 1) await w.put(n, ONCE, "dead");
    for (let n = 20; n < 40; n += 1) await w.put(n, ONCE, "well");
    const isDead = ({ credential }: Rotate) => Number(/:s(\d+)-/.exec(credential)?.[1]) < 20;
    w.answers((rotate) => (isDead(rotate) ? thrown("Unreachable") : undefined));
    await w.pass(HOUR);
    expect(w.asked.filter(isDead).length).toBeLessThan(10);
    expect(w.asked.filter((rotate) => !isDead(rotate))).toHaveLength(20);
    w.answers(() => undefined);
    await w.pass(2 * HOUR);
    expect(await w.timetable.overdue()).toEqual([]);
    expect(new Set(w.made.keys()).size).toBe(40);
  });
});

test("a turn that only a person can take is asked for once, is late after a week, and done once a newer version is current", async () => {
  const w = world();
  await w.put(1, ONCE);
  w.answers(() => thrown("AwaitingPerson"));
  await w.pass(6 * 24 * HOUR);
  const asked = { moment: "asked", subject: id(1), key: `${id(1)}:asked:${START}` };
  expect(w.people).toEqual(Array(w.people.length).fill(asked));
  expect(new Set(w.events.map(({ id: event }) => event))).toEqual(new Set([`asked:${START}`]));
  expect(await w.timetable.overdue()).toEqual([]);
  await w.pass(2 * 24 * HOUR);
  expect((await w.timetable.overdue()).map(({ why }) => why)).toEqual(["waits for a person"]);
  const calls = w.asked.length;
  w.made.set(id(1), [START, w.clock.now()]);
  await w.pass(7 * HOUR);
  expect(w.asked.length - calls).toBeLessThan(2);
  expect(await w.timetable.overdue()).toEqual([]);
  expect((await w.due(1)).owed > START).toBe(true);
});

test("with a clock that never stands still: each credential is looked at once, not again and again", async () => {
  const w = world();
  await w.put(1, ONCE);
  let puts = 0;
  const now = () => {
    w.clock.advance(1);
    return w.clock.after(w.clock.after(START, 0), w.clock.ticks() - Date.parse(START));
  };
  const put: typeof w.timetable.put = (due) => {
    puts += 1;
    return w.timetable.put(due);
  };
  await w.run({ clock: { ...w.clock, now }, timetable: { ...w.timetable, put } });
  expect([w.asked.length, puts]).toEqual([1, 2]);
});

test("one clock at a time: another skips while the first lives, and takes over from one that died", async () => {
  const w = world();
  await w.put(1, { ...HOURLY, startsNow: true });
  await w.timetable.lease("dead", w.clock.now(), w.clock.after(w.clock.now(), 150_000));
  expect((await w.run()).skipped).toBe(true);
  expect(w.asked).toEqual([]);
  w.clock.advance(151_000);
  expect((await w.run()).skipped).toBe(false);
  expect(w.asked).toHaveLength(1);
});

/** Each write of the clock, failing before it is done or after: the next ticks repair it. */
const WRITES = [
  ["timetable.put", 1],
  ["timetable.put", 2],
  ["network.call", 1],
] as const;
const cases = WRITES.flatMap(([port, n]) =>
  (["unpersisted", "persisted"] as const).map((how) => [port, n, how] as const),
);

test.each(cases)(
  "a crash at %s, call %i, %s: the turn is done once with one version, and the next comes",
  async (port, n, how) => {
    const w = world();
    await w.put(1, ONCE);
    const written = new Set<VersionId>();
    w.answers(({ attempt }) => void written.add(attempt));
    const [name, verb] = port.split(".") as ["timetable" | "network", string];
    let calls = 0;
    const real = w.engine[name] as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>;
    const broken = {
      ...real,
      [verb]: async (...args: readonly unknown[]) => {
        calls += 1;
        if (calls !== n) return real[verb]?.(...args);
        if (how === "persisted") await real[verb]?.(...args);
        throw thrown("Crash");
      },
    };
    await w.run({ [name]: broken }).catch(() => undefined);
    await w.pass(50 * MINUTE);
    expect(written.size).toBe(1);
    expect((await w.due(1)).rotatedAt).toBeDefined();
    expect((await w.due(1)).owed > w.clock.now()).toBe(true);
  },
);
