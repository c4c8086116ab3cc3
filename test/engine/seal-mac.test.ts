import { describe, expect, it } from "vitest";
import { appendTo } from "../../lib/core/ledger/append.ts";
import { toText } from "../../lib/core/ledger/bytes.ts";
import type { AppendKeys, Row } from "../../lib/core/ledger/ports.ts";
import { MACS_FROM } from "../../lib/engine/mac-rule.ts";
import { sealOnce } from "../../lib/engine/seal.ts";
import { tellTampering, unfinishedMs } from "../../lib/engine/seal-tell.ts";
import { memoryAppendKeys } from "../../lib/memory/append-keys.ts";
import { memoryLedger, memoryStreams } from "../../lib/memory/ledger.ts";
import { eventOf } from "../contract/ledger.ts";
import { append, drain, faultsOf, forever, sequencer, type World, world } from "../core/ledger/world.ts";

const seal = (w: World) => sealOnce(sequencer(w).ports, { signal: forever });

/** Two streams with two events each that wait; the row of one event is what a test alters. */
const waiting = async () => {
  const w = world();
  for (const stream of ["good", "bad"]) for (const n of [1, 2]) await append(w, stream, n);
  const find = (seq: number): readonly [string, Row] =>
    [...w.table.rows].find(([, row]) => row.stream === "bad" && row.seq === seq) ?? expect.fail();
  const alter = (seq: number, change: (row: Row) => Row) => {
    const [key, row] = find(seq);
    w.table.rows.set(key, change(row));
    return () => w.table.rows.set(key, row);
  };
  return { w, find, alter };
};

const without = ({ mac: _, ...row }: Row): Row => row;
const DAY_MS = 86_400_000;

describe("an event that waits to be sealed", () => {
  it.each<readonly [string, (row: Row) => Row, RegExp]>([
    ["its body", (row) => ({ ...row, body: row.body.replace("postgres", "POSTGRES") }), /MAC does not fit/],
    ["the time it was taken", (row) => ({ ...row, receivedAt: "2026-11-24T04:00:00.000Z" as never }), /does not fit/],
    ["the event before it", (row) => ({ ...row, before: "rotation.started:9" }), /MAC does not fit/],
    ["its MAC", (row) => ({ ...row, mac: "0".repeat(64) }), /MAC does not fit/],
    ["its MAC, by one that is none", (row) => ({ ...row, mac: "none" }), /MAC does not fit/],
    ["its MAC: taken away", without, /no MAC/],
    ["the time it was taken, by what is none", (row) => ({ ...row, receivedAt: "once" as never }), /does not fit/],
  ])("parks its stream when somebody alters %s, and others are sealed", async (_, change, why) => {
    const { w, alter } = await waiting();
    const mend = alter(2, change);
    const cycle = await seal(w);
    expect(cycle).toMatchObject({ outcome: "sealed", events: 3 });
    expect(cycle.parked).toEqual([
      { stream: "bad", id: "rotation.started:2", seq: 2, why: expect.stringMatching(why) },
    ]);
    expect((await seal(w)).parked).toHaveLength(1);
    mend();
    expect(await seal(w)).toEqual({ outcome: "sealed", events: 1, parked: [] });
    expect(await faultsOf(w)).toEqual([]);
  });

  it("parks its stream when it is a whole event of another stream's, MAC and all", async () => {
    const { w, alter } = await waiting();
    const other = [...w.table.rows.values()].find((row) => row.stream === "good" && row.seq === 2) ?? expect.fail();
    alter(2, (row) => ({ ...row, body: other.body.replaceAll("good", "bad"), mac: other.mac ?? "" }));
    expect((await seal(w)).parked).toMatchObject([{ stream: "bad", seq: 2 }]);
  });

  it("parks its stream when it is deleted, as soon as a later one names it", async () => {
    const { w, find } = await waiting();
    const [key, row] = find(1);
    w.table.rows.delete(key);
    const cycle = await seal(w);
    expect(cycle).toMatchObject({ events: 2, parked: [{ stream: "bad", seq: 2 }] });
    expect(cycle.parked[0]?.why).toContain("rotation.started:1, which came before it, is gone");
    w.table.rows.set(key, row);
    expect(await seal(w)).toEqual({ outcome: "sealed", events: 2, parked: [] });
  });

  it("is not taken for deleted while the index merely lags", async () => {
    const { w } = await waiting();
    const { ports } = sequencer(w);
    const late = {
      ...ports,
      inbox: { ...ports.inbox, pending: async () => [{ stream: "bad", id: "rotation.started:2" }] },
    };
    expect(await sealOnce(late, { signal: forever })).toEqual({ outcome: "idle", events: 0, parked: [] });
  });
});

describe("a sequencer that takes any MAC", () => {
  it("seals what was altered, which these tests would show", async () => {
    const { w, alter } = await waiting();
    alter(2, (row) => ({ ...row, body: row.body.replace("postgres", "POSTGRES") }));
    const { ports } = sequencer(w);
    const mutant = {
      ...ports,
      macsFrom: async () => "2999-01-01T00:00:00.000Z" as never,
      inbox: {
        ...ports.inbox,
        read: async (...asked: Parameters<typeof ports.inbox.read>) => (await ports.inbox.read(...asked)).map(without),
      },
    };
    expect(await sealOnce(mutant, { signal: forever })).toEqual({ outcome: "sealed", events: 4, parked: [] });
  });
});

describe("an append while KMS does not answer", () => {
  const appendWith = (w: World, keys: AppendKeys, signal: AbortSignal) =>
    appendTo({ store: memoryStreams(w.table), keys, clock: w.clock, random: (n) => new Uint8Array(n) })(
      [eventOf("cred", 1)],
      signal,
    );

  it("stores nothing and fails, so that its caller spools or does not begin, and is stored when it does", async () => {
    const w = world();
    const refused: AppendKeys = { of: () => Promise.reject(new Error("KMS is away")) };
    await expect(appendWith(w, refused, forever)).rejects.toThrow("KMS is away");
    expect(w.table.rows.size + w.table.heads.size).toBe(0);
    expect(await appendWith(w, memoryAppendKeys(), forever)).toEqual([{ seq: 1 }]);
  });

  it("ends when its caller's time is over", async () => {
    const w = world();
    const hung: AppendKeys = {
      of: (_, signal) => new Promise((__, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    };
    await expect(appendWith(w, hung, AbortSignal.timeout(30))).rejects.toThrow(/timeout/);
    expect(w.table.rows.size).toBe(0);
  });
});

describe("events of before there were MACs", () => {
  /** A log that was begun without them: nothing in its archive says from when on they are due. */
  const old = async () => {
    const w = world();
    await append(w, "cred", 1);
    await drain(w);
    w.archive.objects.delete(MACS_FROM);
    w.archive.past.delete(MACS_FROM);
    await append(w, "cred", 2);
    const [key, row] = [...w.table.rows].find(([, { seq }]) => seq === 2) ?? expect.fail();
    w.table.rows.set(key, without(row));
    return w;
  };

  it("are sealed for a day, in which every function is deployed, and not later, whatever they say of their age", async () => {
    const w = await old();
    expect(await seal(w)).toMatchObject({ events: 1, parked: [] });
    const until = Date.parse(toText(w.archive.objects.get(MACS_FROM) ?? expect.fail()).trim());
    expect(until - Date.parse(w.clock.now())).toBe(DAY_MS);
    await append(w, "cred", 3);
    const [key, row] = [...w.table.rows].find(([, { seq }]) => seq === 3) ?? expect.fail();
    w.table.rows.set(key, without(row));
    w.clock.advance(DAY_MS + 1);
    expect(await seal(w)).toMatchObject({ events: 0, parked: [{ stream: "cred", seq: 3 }] });
  });

  it("are refused from the first in a log that begins with them", async () => {
    const w = world();
    await append(w, "cred", 1);
    const [key, row] = [...w.table.rows][0] ?? expect.fail();
    w.table.rows.set(key, without(row));
    expect(await seal(w)).toMatchObject({ events: 0, parked: [{ stream: "cred", seq: 1 }] });
  });
});

describe("what the sealer tells", () => {
  it("records each altered event once, however often it meets it", async () => {
    const { w, alter } = await waiting();
    alter(2, without);
    const ledger = memoryLedger({ clock: w.clock, table: w.table });
    for (const _ of [1, 2]) await tellTampering({ ledger, clock: w.clock }, (await seal(w)).parked);
    expect(await ledger.history("ledger")).toMatchObject([
      { type: "ledger.tampered", data: { stream: "bad", event: "rotation.started:2", seq: 2 } },
    ]);
    await seal(w);
    expect(await ledger.history("ledger")).toMatchObject([{ index: 3 }]);
  });

  it("tells for how long a commit has not been finished", async () => {
    const { w } = await waiting();
    expect(unfinishedMs(undefined, w.clock)).toBe(0);
    const { ports } = sequencer(w);
    const dying = { ...ports, work: { ...ports.work, create: () => Promise.reject(new Error("no S3")) } };
    await expect(sealOnce(dying, { signal: forever })).rejects.toThrow("no S3");
    w.clock.advance(400_000);
    expect(unfinishedMs(w.cell.record, w.clock)).toBe(400_000);
    await seal(w);
    expect(unfinishedMs(w.cell.record, w.clock)).toBe(0);
  });
});
