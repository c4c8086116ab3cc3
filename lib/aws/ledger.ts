import { randomBytes } from "node:crypto";
import { type TransactionCanceledException, TransactionInProgressException } from "@aws-sdk/client-dynamodb";
import { GetCommand, QueryCommand, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { appenderOf, type Transacting } from "../core/ledger/append.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import type { AppendKeys, Head, Row, StreamStore } from "../core/ledger/ports.ts";
import type { Clock, Ledger, Recorded } from "../core/types.ts";
import { systemClock } from "./clock.ts";
import { documents } from "./document.ts";
import { eventKey, HEAD, headKey, nameOf, pendingKey, rowOf, streamKey } from "./ledger-keys.ts";
import { type Item, readItems, type Table } from "./ledger-read.ts";

/** Reasons for which a transaction did nothing and is worth another look (DynamoDB API, CancellationReasons). */
const WORTH_RETRYING = new Set([
  "ConditionalCheckFailed",
  "TransactionConflict",
  "ThrottlingError",
  "ProvisionedThroughputExceeded",
  "None",
]);

const isRefusal = (error: unknown): boolean => {
  if (error instanceof TransactionInProgressException) return true;
  if (!(error instanceof Error) || error.name !== "TransactionCanceledException") return false;
  const { CancellationReasons = [] } = error as TransactionCanceledException;
  return CancellationReasons.every(({ Code = "None" }) => WORTH_RETRYING.has(Code));
};

const headOf = (item: Item): readonly [string, Head] => {
  const { seq, lastId, receivedAt } = item as Omit<Head, "last"> & { readonly lastId: string };
  return [nameOf(item).stream, { seq, last: lastId, receivedAt }];
};

const puts = (TableName: string, rows: readonly Row[]) =>
  rows.map((row) => {
    const { seq, receivedAt, body, before, mac } = row;
    const Item = { ...eventKey(row), ...pendingKey(row), seq, receivedAt, body, mac, ...(before && { before }) };
    return { Put: { TableName, Item, ConditionExpression: "attribute_not_exists(PK)" } };
  });

/** From the head before a stream's first row to its last. Updated, never put: a head also holds what was sealed. */
const updates = (TableName: string, rows: readonly Row[]) => {
  const first = new Map<string, number>();
  for (const { stream, seq } of rows) if (!first.has(stream)) first.set(stream, seq);
  return [...new Map(rows.map((row) => [row.stream, row])).values()].map(({ stream, id, seq, receivedAt }) => {
    const before = (first.get(stream) ?? seq) - 1;
    return {
      Update: {
        TableName,
        Key: headKey(stream),
        UpdateExpression: "SET seq = :seq, lastId = :id, receivedAt = :at",
        ConditionExpression: before === 0 ? "attribute_not_exists(seq)" : "seq = :before",
        ExpressionAttributeValues: {
          ":seq": seq,
          ":id": id,
          ":at": receivedAt,
          ...(before > 0 && { ":before": before }),
        },
      },
    };
  });
};

/** Events and heads of streams in the ledger table. */
const dynamoStreams = (at: Table): StreamStore => ({
  async look(names, signal) {
    const streams = [...new Set(names.map(({ stream }) => stream))];
    const items = await readItems(at, [...names.map(eventKey), ...streams.map(headKey)], signal);
    const heads = items.filter(({ SK }) => SK === HEAD);
    const seqs = new Map(items.map(({ PK, SK, seq }) => [JSON.stringify([PK, SK]), seq as number]));
    return {
      seqs: names.map(eventKey).map(({ PK, SK }) => seqs.get(JSON.stringify([PK, SK]))),
      heads: new Map(heads.map(headOf)),
    };
  },
  async put(rows, abortSignal) {
    const TransactItems = [...puts(at.table, rows), ...updates(at.table, rows)];
    try {
      await documents(at.aws).send(new TransactWriteCommand({ TransactItems }), { abortSignal });
      return "stored";
    } catch (error) {
      if (isRefusal(error)) return "refused";
      throw error;
    }
  },
});

const recorded = (row: Row): Recorded => ({
  ...decodeEntry(toBytes(row.body)),
  ...(row.index === undefined ? {} : { index: row.index }),
});

/** Every event of a stream, however many pages: one page holds 1 MB. */
const readStream = async ({ aws, table }: Table, stream: string, abortSignal: AbortSignal): Promise<readonly Row[]> => {
  const rows: Row[] = [];
  let ExclusiveStartKey: Record<string, unknown> | undefined;
  do {
    const query = new QueryCommand({
      TableName: table,
      KeyConditionExpression: "PK = :pk AND begins_with(SK, :event)",
      ExpressionAttributeValues: { ":pk": streamKey(stream), ":event": "E#" },
      ConsistentRead: true,
      ...(ExclusiveStartKey && { ExclusiveStartKey }),
    });
    const page = await documents(aws).send(query, { abortSignal });
    rows.push(...(page.Items ?? []).map(rowOf).filter((row) => row !== undefined));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey);
  return rows.sort((a, b) => a.seq - b.seq);
};

/** Walks back from the head: `limit` reads, however long the stream is. */
const readBack = async ({ aws, table: TableName }: Table, stream: string, limit: number, abortSignal: AbortSignal) => {
  const read = (Key: Record<string, string>) =>
    documents(aws).send(new GetCommand({ TableName, Key, ConsistentRead: true }), { abortSignal });
  const rows: Row[] = [];
  let id = (await read(headKey(stream))).Item?.["lastId"] as string | undefined;
  while (id !== undefined && rows.length < limit) {
    const row = rowOf((await read(eventKey({ stream, id }))).Item);
    if (row === undefined)
      throw new Error(`stream ${stream} lacks event ${id}, which a later one names: verify the ledger`);
    rows.push(row);
    id = row.before;
  }
  return rows;
};

export type DynamoLedgerOptions = Table & {
  readonly keys: AppendKeys;
  readonly clock?: Clock;
  readonly random?: (bytes: number) => Uint8Array;
  /** How long one append, or one transaction of a batch, may take with all its retries, in ms; containment gives it little. */
  readonly timeoutMs?: number;
  /** Ends every call of this ledger. */
  readonly signal?: AbortSignal;
};

const APPEND_MS = 10_000;
const READ_MS = 30_000;

/** What the ledger table tells of streams, without the right to append. */
export const dynamoHistory = (
  { aws, table }: Table,
  within = (ms: number) => AbortSignal.timeout(ms),
): Pick<Ledger, "history" | "recent"> => ({
  history: async (stream) => (await readStream({ aws, table }, stream, within(READ_MS))).map(recorded),
  recent: async (stream, limit) => (await readBack({ aws, table }, stream, limit, within(READ_MS))).map(recorded),
});

/**
 * The ledger over its DynamoDB table. An append that runs out of time throws; it may have been stored all the same,
 * and appending it again is safe. Throws Unrecordable when an event cannot become an entry.
 */
export const dynamoLedger = ({
  aws,
  table,
  keys,
  clock = systemClock,
  random = randomBytes,
  timeoutMs = APPEND_MS,
  signal,
}: DynamoLedgerOptions): Ledger => {
  const ports = { store: dynamoStreams({ aws, table }), keys, clock, random };
  const within = (ms: number) => AbortSignal.any([AbortSignal.timeout(ms), ...(signal ? [signal] : [])]);
  const inTime: Transacting = async (events, transact) => {
    const limit = within(timeoutMs);
    try {
      return await transact(limit);
    } catch (cause) {
      if (!limit.aborted) throw cause;
      const [first] = events;
      const also = events.length > 1 ? ` and ${events.length - 1} after it` : "";
      const message = `event ${first?.id} of ${first?.stream}${also} was not recorded within ${timeoutMs} ms; append it again`;
      throw new Error(message, { cause });
    }
  };
  return { ...appenderOf(ports, inTime), ...dynamoHistory({ aws, table }, within) };
};
