import { describe, expect, it } from "vitest";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import type { Ledger } from "../../lib/core/types.ts";
import { openRecorder } from "../../lib/engine/record.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { eventOf } from "../contract/ledger.ts";

const arranged = (answer?: (events: readonly LifecycleEvent[]) => ReturnType<Ledger["appendBatch"]>) => {
  const clock = memoryClock("2026-11-23T04:00:00.000Z");
  const ledger = memoryLedger({ clock });
  const [calls, spooled]: [number[], LifecycleEvent[]] = [[], []];
  const recorder = openRecorder({
    ledger: {
      appendBatch: (events) => {
        calls.push(events.length);
        return (answer ?? ledger.appendBatch)(events);
      },
    },
    spool: { put: async (event) => void spooled.push(event) },
    clock,
    complain: () => undefined,
  });
  return { ledger, recorder, calls, spooled };
};
const ids = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id);

describe("a recorder", () => {
  it("records what is added meanwhile at once, in order, and waits for nothing", async () => {
    const { ledger, recorder, calls, spooled } = arranged();
    const events = Array.from({ length: 70 }, (_, n) => eventOf(`cred-${n % 2}`, n));
    for (const event of events) recorder.add(event);
    await recorder.settled();
    for (const stream of ["cred-0", "cred-1"])
      expect(ids(await ledger.history(stream))).toEqual(ids(events.filter((one) => one.stream === stream)));
    expect(calls.reduce((sum, one) => sum + one, 0)).toBe(70);
    expect(calls.length).toBeLessThan(5);
    expect(spooled).toEqual([]);
  });
  it.each<readonly [string, () => ReturnType<Ledger["appendBatch"]>]>([
    ["says no", async () => [{ seq: 1 }, { error: new Error("away") }, { error: new Error("away") }]],
    ["dies", () => Promise.reject(new Error("away"))],
  ])("spools what a ledger that %s did not take, and asks it no more", async (how, answer) => {
    const { recorder, calls, spooled } = arranged(answer);
    const events = [1, 2, 3, 4].map((n) => eventOf("cred", n));
    for (const event of events.slice(0, 3)) recorder.add(event);
    await recorder.settled();
    recorder.add(events[3] ?? expect.fail());
    await recorder.settled();
    expect(calls).toEqual([3]);
    expect(ids(spooled)).toEqual(ids(how === "dies" ? events : events.slice(1)));
  });
});
