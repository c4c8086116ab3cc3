import { beforeEach, describe, expect, it } from "vitest";
import { Fork } from "../../lib/core/ledger/errors.ts";
import type { EventName, Inbox, Placed } from "../../lib/core/ledger/ports.ts";
import type { Ledger } from "../../lib/core/types.ts";
import { eventOf } from "./ledger.ts";

const { signal } = new AbortController();
let worlds = 0;

/** What the sequencer may rely on where events wait. Streams are new in each test, so that they may share a table. */
export const inboxContract = (open: () => { readonly ledger: Ledger; readonly inbox: Inbox }) =>
  describe("inbox contract", () => {
    const EVENTS = 130;
    const STREAMS = 60;
    let ledger: Ledger;
    let inbox: Inbox;
    let events: readonly EventName[];
    let streams: readonly string[];
    const placesOf = (from: number): readonly Placed[] =>
      events.map(({ stream, id }, i) => ({ stream, id, index: from + i }));
    const waiting = async (): Promise<number> =>
      (await inbox.pending(10_000, signal)).filter(({ stream }) => streams.includes(stream)).length;

    beforeEach(async () => {
      ({ ledger, inbox } = open());
      worlds += 1;
      const name = (n: number) => `inbox/${process.pid}-${worlds}-${n % STREAMS}`;
      const made = Array.from({ length: EVENTS }, (_, n) => eventOf(name(n), n));
      await ledger.appendBatch(made);
      events = made;
      streams = [...new Set(made.map(({ stream }) => stream))];
    });

    it("gives many their places, which then wait no more; the same places twice are once", async () => {
      expect(await waiting()).toBe(EVENTS);
      await inbox.place(placesOf(1000).slice(0, 40), signal);
      expect(await waiting()).toBe(EVENTS - 40);
      await inbox.place(placesOf(1000), signal);
      await inbox.place(placesOf(1000), signal);
      expect(await waiting()).toBe(0);
      const rows = await inbox.read(events, signal);
      const byName = new Map(rows.map(({ stream, id, index }) => [`${stream} ${id}`, index]));
      expect(events.map(({ stream, id }) => byName.get(`${stream} ${id}`))).toEqual(
        placesOf(1000).map(({ index }) => index),
      );
      expect(rows.every(({ mac, body }) => mac !== undefined && body !== "")).toBe(true);
    });
    it("refuses one that has another place, or is gone, among many", async () => {
      await inbox.place(placesOf(1000), signal);
      const moved = placesOf(1000).map((one, i) => (i === 77 ? { ...one, index: 5 } : one));
      await expect(inbox.place(moved, signal)).rejects.toBeInstanceOf(Fork);
      const gone = { stream: streams[0] ?? "", id: "rotation.started:none", index: 9 };
      await expect(inbox.place([...placesOf(1000), gone], signal)).rejects.toBeInstanceOf(Fork);
      const rows = await inbox.read(events, signal);
      expect(rows.map(({ index }) => index ?? -1).every((index) => index >= 1000)).toBe(true);
      expect(rows).toHaveLength(EVENTS);
    });
    it("raises many streams, and lowers none", async () => {
      const to = (seq: number, from = 0) => streams.map((stream) => ({ stream, from, to: seq }));
      const sealed = async () => [...new Set((await inbox.sealedSeqs(streams, signal)).values())];
      expect(await sealed()).toEqual([0]);
      await inbox.raise(to(1), signal);
      await inbox.raise(to(1), signal);
      expect(await sealed()).toEqual([1]);
      await inbox.raise(to(2, 1).slice(0, 30), signal);
      // The rest is behind, and a part of it was raised by another run.
      await inbox.raise(to(2, 1), signal);
      expect(await sealed()).toEqual([2]);
      await inbox.raise(to(1), signal);
      expect(await sealed()).toEqual([2]);
      // By a run that knows less than is there.
      await inbox.raise(to(3, 0), signal);
      expect(await sealed()).toEqual([3]);
      expect(await ledger.append(eventOf(streams[59] ?? "", 9999))).toEqual({ seq: 3 });
    });
  });
