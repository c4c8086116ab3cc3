import { appendTo } from "../core/ledger/append.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { Fork } from "../core/ledger/errors.ts";
import type { EventName, Head, Inbox, Row, StreamStore } from "../core/ledger/ports.ts";
import type { Clock, Ledger, Recorded } from "../core/types.ts";
import { memoryAppendKeys } from "./append-keys.ts";
import { type Faults, faults } from "./faults.ts";

/** The ledger table. */
export type LedgerTable = {
  readonly rows: Map<string, Row>;
  readonly heads: Map<string, Head & { readonly sealed: number }>;
};

export const ledgerTable = (): LedgerTable => ({ rows: new Map(), heads: new Map() });

const keyOf = ({ stream, id }: EventName): string => JSON.stringify([stream, id]);

/** Where events are appended, in Maps. */
export const memoryStreams = ({ rows, heads }: LedgerTable, layer: Faults = faults()): StreamStore => ({
  look: (name) =>
    layer.call("streams.look", () => {
      const row = rows.get(keyOf(name));
      const head = heads.get(name.stream);
      return { ...(row && { seq: row.seq }), ...(head && { head }) };
    }),
  put: (row) =>
    layer.call("streams.put", () => {
      const head = heads.get(row.stream);
      if (rows.has(keyOf(row)) || (head?.seq ?? 0) !== row.seq - 1) return "refused";
      if (head && head.receivedAt > row.receivedAt) throw new Error("law broken: receivedAt falls within a stream");
      rows.set(keyOf(row), row);
      const { seq, id: last, receivedAt } = row;
      heads.set(row.stream, { seq, last, receivedAt, sealed: head?.sealed ?? 0 });
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
  place: (name, index) =>
    layer.call("inbox.place", () => {
      const row = rows.get(keyOf(name));
      if (row === undefined) throw new Fork(`event ${name.id} of ${name.stream} is gone, sealed at ${index}`);
      if (row.index !== undefined && row.index !== index)
        throw new Fork(`event ${name.id} of ${name.stream} is sealed at ${row.index} and at ${index}`);
      rows.set(keyOf(name), { ...row, index });
    }),
  raise: (stream, seq) =>
    layer.call("inbox.raise", () => {
      const head = heads.get(stream);
      if (head === undefined) throw new Fork(`stream ${stream} has no head`);
      heads.set(stream, { ...head, sealed: Math.max(head.sealed, seq) });
    }),
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
  const append = appendTo({ store: memoryStreams(table, layer), keys: memoryAppendKeys(layer), clock, random });
  const history = async (stream: string): Promise<readonly Recorded[]> =>
    [...table.rows.values()]
      .filter((row) => row.stream === stream)
      .sort((a, b) => a.seq - b.seq)
      .map((row) => ({
        ...decodeEntry(toBytes(row.body)),
        ...(row.index === undefined ? {} : { index: row.index }),
      }));
  return {
    append: (event) => append(event, new AbortController().signal),
    history,
    recent: async (stream, limit) =>
      (await history(stream))
        .slice(-limit || undefined)
        .reverse()
        .slice(0, limit),
  };
};
