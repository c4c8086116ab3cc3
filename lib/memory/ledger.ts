import { appenderOf } from "../core/ledger/append.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { Fork } from "../core/ledger/errors.ts";
import { inParallel } from "../core/ledger/parallel.ts";
import {
  type EventName,
  type Head,
  type Inbox,
  MOST_AT_ONCE,
  type Row,
  type StreamStore,
} from "../core/ledger/ports.ts";
import type { Clock, Ledger, Recorded } from "../core/types.ts";
import { memoryAppendKeys } from "./append-keys.ts";
import { type Faults, faults } from "./faults.ts";

/** The ledger table. */
export type LedgerTable = {
  readonly rows: Map<string, Row>;
  readonly heads: Map<string, Head & { readonly sealed: number }>;
};

export const ledgerTable = (): LedgerTable => ({ rows: new Map(), heads: new Map() });

const AT_ONCE = 24;

const keyOf = ({ stream, id }: EventName): string => JSON.stringify([stream, id]);

/** The heads that rows make; undefined where one of them does not fit. */
const headsAfter = ({ rows, heads }: LedgerTable, added: readonly Row[]): ReadonlyMap<string, Head> | undefined => {
  const next = new Map<string, Head>();
  for (const row of added) {
    const head = next.get(row.stream) ?? heads.get(row.stream);
    if (rows.has(keyOf(row)) || (head?.seq ?? 0) !== row.seq - 1) return undefined;
    if (head && head.receivedAt > row.receivedAt) throw new Error("law broken: receivedAt falls within a stream");
    next.set(row.stream, { seq: row.seq, last: row.id, receivedAt: row.receivedAt });
  }
  return next;
};

const enter = ({ rows, heads }: LedgerTable, added: readonly Row[], next: ReadonlyMap<string, Head>): void => {
  for (const row of added) rows.set(keyOf(row), row);
  for (const [stream, head] of next) heads.set(stream, { ...head, sealed: heads.get(stream)?.sealed ?? 0 });
};

/** Where events are appended, in Maps. */
export const memoryStreams = ({ rows, heads }: LedgerTable, layer: Faults = faults()): StreamStore => ({
  look: (names) =>
    layer.call("streams.look", () => ({
      seqs: names.map((name) => rows.get(keyOf(name))?.seq),
      heads: new Map(
        names.flatMap(({ stream }) => {
          const head = heads.get(stream);
          return head ? [[stream, head] as const] : [];
        }),
      ),
    })),
  put: (added) =>
    layer.call("streams.put", () => {
      if (added.length > MOST_AT_ONCE) throw new Error(`law broken: ${added.length} rows in one transaction`);
      const next = headsAfter({ rows, heads }, added);
      if (next === undefined) return "refused";
      enter({ rows, heads }, added, next);
      return "stored";
    }),
});

/** `isStale` is asked for each row the index lists: true shows it as it was before its last change. */
export const memoryInbox = (
  { rows, heads }: LedgerTable,
  layer: Faults = faults(),
  isStale: () => boolean = () => false,
): Inbox => ({
  pending: (limit) =>
    layer.call("inbox.pending", () =>
      [...rows.values()].filter((row) => (row.index === undefined) !== isStale()).slice(0, limit),
    ),
  read: (names) =>
    layer.call("inbox.read", () => names.map((name) => rows.get(keyOf(name))).filter((row) => row !== undefined)),
  sealedSeqs: (streams) =>
    layer.call("inbox.sealedSeqs", () => new Map(streams.map((stream) => [stream, heads.get(stream)?.sealed ?? 0]))),
  // One call each, as in the table: a run may die between any two of them.
  place: (events) =>
    inParallel(events, AT_ONCE, ({ index, ...name }) =>
      layer.call("inbox.place", () => {
        const row = rows.get(keyOf(name));
        if (row === undefined) throw new Fork(`event ${name.id} of ${name.stream} is gone, sealed at ${index}`);
        if (row.index !== undefined && row.index !== index)
          throw new Fork(`event ${name.id} of ${name.stream} is sealed at ${row.index} and at ${index}`);
        rows.set(keyOf(name), { ...row, index });
      }),
    ),
  raise: (streams) =>
    inParallel(streams, AT_ONCE, ({ stream, to }) =>
      layer.call("inbox.raise", () => {
        const head = heads.get(stream);
        if (head === undefined) throw new Fork(`stream ${stream} has no head`);
        heads.set(stream, { ...head, sealed: Math.max(head.sealed, to) });
      }),
    ),
});

export type MemoryLedgerOptions = {
  readonly clock: Clock;
  readonly random?: (bytes: number) => Uint8Array;
  readonly table?: LedgerTable;
  readonly layer?: Faults;
};

/** The ledger in Maps, with the appending rules of the real one. */
export const memoryLedger = ({
  clock,
  random = (bytes) => new Uint8Array(bytes),
  table = ledgerTable(),
  layer = faults(),
}: MemoryLedgerOptions): Ledger => {
  const ports = { store: memoryStreams(table, layer), keys: memoryAppendKeys(layer), clock, random };
  const history = async (stream: string): Promise<readonly Recorded[]> =>
    [...table.rows.values()]
      .filter((row) => row.stream === stream)
      .sort((a, b) => a.seq - b.seq)
      .map((row) => ({
        ...decodeEntry(toBytes(row.body)),
        ...(row.index === undefined ? {} : { index: row.index }),
      }));
  return {
    ...appenderOf(ports, (_, transact) => transact(new AbortController().signal)),
    history,
    recent: async (stream, limit) =>
      (await history(stream))
        .slice(-limit || undefined)
        .reverse()
        .slice(0, limit),
  };
};
