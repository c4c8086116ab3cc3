import { describe, expect, it } from "vitest";
import { decodeEntry } from "../../lib/core/ledger/entry.ts";
import type { Row } from "../../lib/core/ledger/ports.ts";
import { splitEntries } from "../../lib/core/ledger/tiles.ts";
import { type LedgerTable, memoryStreams } from "../../lib/memory/ledger.ts";
import { type Mutant, storm, tally } from "../core/ledger/storm.ts";

const SEEDS = 200;

const enter = ({ rows }: LedgerTable, row: Row) => rows.set(JSON.stringify([row.stream, row.id]), row);

/** The first seed under which a mutant's log is wrong, and how. */
const caught = async (mutant: Mutant, seeds: number): Promise<string | undefined> => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const [wrong] = await storm(seed, tally(), mutant);
    if (wrong !== undefined) return `seed ${seed}: ${wrong}`;
  }
  return undefined;
};

type Spoil = NonNullable<Mutant["ports"]>;
type SpoilStore = NonNullable<Mutant["store"]>;

/** Swaps the lock without comparing. */
const noCompare: Spoil = (ports, w) => ({
  ...ports,
  lock: {
    ...ports.lock,
    commit: async (next, from, signal) => {
      await ports.lock.read(signal);
      if (w.cell.record && next.size !== from) w.cell.record = { ...next };
      return true;
    },
  },
});

/** Gives events their places when they are staged, before the commit. */
const placeFirst: Spoil = (ports) => ({
  ...ports,
  archive: {
    ...ports.archive,
    create: async (path, bytes, signal) => {
      const from = /^staging\/(\d+)-/.exec(path)?.[1];
      if (from !== undefined)
        await ports.inbox.place(
          splitEntries(bytes)
            .map(decodeEntry)
            .map(({ stream, id }, i) => ({ stream, id, index: Number(from) + i })),
          signal,
        );
      return ports.archive.create(path, bytes, signal);
    },
  },
});

/** Takes whatever the index shows of a stream as its next event: gaps close up. */
const noHoldBack: Spoil = (ports) => {
  const lowest = new Map<string, number>();
  return {
    ...ports,
    inbox: {
      ...ports.inbox,
      read: async (names, signal) => {
        const rows = await ports.inbox.read(names, signal);
        for (const { stream, seq } of rows.filter((row) => row.index === undefined))
          lowest.set(stream, Math.min(seq, lowest.get(stream) ?? seq));
        return rows;
      },
      sealedSeqs: async (streams) => new Map(streams.map((stream) => [stream, (lowest.get(stream) ?? 1) - 1])),
    },
  };
};

/** Publishes without asking whether what is there has changed since it was read. */
const plainPublish: Spoil = (ports) => ({
  ...ports,
  work: {
    ...ports.work,
    replace: async (path, bytes, _, signal) => {
      const found = await ports.work.get(path, signal);
      return ports.work.replace(path, bytes, found?.etag, signal);
    },
  },
});

/** Says that every commit is finished. */
const neverRecovers: Spoil = (ports) => ({
  ...ports,
  lock: {
    ...ports.lock,
    read: async (signal) => {
      const found = await ports.lock.read(signal);
      return found && { ...found, applied: true };
    },
    commit: async (next, from, signal) => {
      await ports.lock.settle(from, signal);
      return ports.lock.commit(next, from, signal);
    },
  },
});

/** Takes a call that marks many for done when it was answered, whatever it says of each. */
const deafToRefusals: Spoil = (ports) => ({
  ...ports,
  inbox: {
    ...ports.inbox,
    place: (events, signal) =>
      ports.inbox.place(
        events.filter((_, i) => i % 5 < 4),
        signal,
      ),
  },
});

/** Raises streams to what they have appended, whatever the commit sealed. */
const raisesToHead: Spoil = (ports, w) => ({
  ...ports,
  inbox: {
    ...ports.inbox,
    raise: (streams, signal) =>
      ports.inbox.raise(
        streams.map((one) => ({ ...one, to: w.table.heads.get(one.stream)?.seq ?? one.to })),
        signal,
      ),
  },
});

/** Writes the rows of a batch, then its heads: no transaction. */
const rowsThenHeads: SpoilStore = (store, { table }, layer) => ({
  ...store,
  put: async (rows) => {
    const isFree = (row: Row) => (table.heads.get(row.stream)?.seq ?? 0) < row.seq;
    if (!(await layer.call("streams.rows", () => rows.every(isFree) && rows.map((row) => enter(table, row)))))
      return "refused";
    return layer.call("streams.heads", () => {
      for (const { stream, seq, id, receivedAt } of rows)
        table.heads.set(stream, { seq, last: id, receivedAt, sealed: table.heads.get(stream)?.sealed ?? 0 });
      return "stored" as const;
    });
  },
});

/** Puts without asking whether the heads still are those that were looked at. */
const headsUnasked: SpoilStore = (_, { table }, layer) => ({
  ...memoryStreams(table, layer),
  put: (rows) =>
    layer.call("streams.put", () => {
      for (const row of rows) {
        const { stream, seq, id, receivedAt } = row;
        enter(table, row);
        table.heads.set(stream, { seq, last: id, receivedAt, sealed: table.heads.get(stream)?.sealed ?? 0 });
      }
      return "stored" as const;
    }),
});

describe("many sequencers and writers at once, crashing, freezing, with a stale index", () => {
  it(`keep every event once and in order, under ${SEEDS} seeds`, async () => {
    const counts = tally();
    const bad: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1)
      for (const wrong of await storm(seed, counts)) bad.push(`seed ${seed}: ${wrong}`);
    expect(bad).toEqual([]);
    // The storm must have stormed: races lost, crashes, recoveries.
    expect(counts.crashed).toBeGreaterThan(SEEDS / 2);
    expect(counts.outrun).toBeGreaterThan(SEEDS / 4);
    expect(counts.recovered).toBeGreaterThan(SEEDS / 2);
    expect(counts.turned).toBeGreaterThan(SEEDS / 8);
    console.log("storm", counts);
  }, 120_000);
});

describe("the storm finds", () => {
  const sequencers = {
    noCompare,
    placeFirst,
    noHoldBack,
    plainPublish,
    neverRecovers,
    deafToRefusals,
    raisesToHead,
  };
  const writers = { rowsThenHeads, headsUnasked };
  const mutants: Readonly<Record<string, Mutant>> = {
    ...Object.fromEntries(Object.entries(sequencers).map(([name, ports]) => [`the sequencer ${name}`, { ports }])),
    ...Object.fromEntries(Object.entries(writers).map(([name, store]) => [`the writers ${name}`, { store }])),
  };
  it.each(Object.entries(mutants))(
    "%s",
    async (_name, mutant) => {
      const found = await caught(mutant, 300);
      expect(found).toBeDefined();
    },
    120_000,
  );
});
