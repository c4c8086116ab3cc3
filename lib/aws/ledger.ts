import { randomBytes } from "node:crypto";
import { type TransactionCanceledException, TransactionInProgressException } from "@aws-sdk/client-dynamodb";
import { GetCommand, QueryCommand, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { appendTo } from "../core/ledger/append.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import type { AppendKeys, Head, Row, StreamStore } from "../core/ledger/ports.ts";
import type { Aws, Clock, Ledger, Recorded } from "../core/types.ts";
import { systemClock } from "./clock.ts";
import { documents } from "./document.ts";
import { eventKey, headKey, pendingKey, rowOf, streamKey } from "./ledger-keys.ts";

type Table = { readonly aws: Aws; readonly table: string };

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

/** Events and heads of streams in the ledger table. The head is updated, never put: it also holds what was sealed. */
const dynamoStreams = ({ aws, table: TableName }: Table): StreamStore => ({
  async look(name, abortSignal) {
    const read = (Key: Record<string, string>) =>
      documents(aws).send(new GetCommand({ TableName, Key, ConsistentRead: true }), { abortSignal });
    const [event, head] = await Promise.all([read(eventKey(name)), read(headKey(name.stream))]);
    const row = rowOf(event.Item);
    const found = head.Item as (Head & { readonly lastId: string }) | undefined;
    return {
      ...(row && { seq: row.seq }),
      ...(found && { head: { seq: found.seq, last: found.lastId, receivedAt: found.receivedAt } }),
    };
  },
  async put(row, abortSignal) {
    const { seq, id, receivedAt, body, before, mac } = row;
    const Item = { ...eventKey(row), ...pendingKey(row), seq, receivedAt, body, mac, ...(before && { before }) };
    const Update = {
      TableName,
      Key: headKey(row.stream),
      UpdateExpression: "SET seq = :seq, lastId = :id, receivedAt = :at",
      ConditionExpression: seq === 1 ? "attribute_not_exists(seq)" : "seq = :before",
      ExpressionAttributeValues: { ":seq": seq, ":id": id, ":at": receivedAt, ...(seq > 1 && { ":before": seq - 1 }) },
    };
    const Put = { TableName, Item, ConditionExpression: "attribute_not_exists(PK)" };
    try {
      await documents(aws).send(new TransactWriteCommand({ TransactItems: [{ Put }, { Update }] }), { abortSignal });
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
  /** How long one append may take with all its retries, in ms; containment gives it little. */
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
  const append = appendTo({ store: dynamoStreams({ aws, table }), keys, clock, random });
  const within = (ms: number) => AbortSignal.any([AbortSignal.timeout(ms), ...(signal ? [signal] : [])]);
  return {
    async append(event) {
      const limit = within(timeoutMs);
      try {
        return await append(event, limit);
      } catch (cause) {
        if (!limit.aborted) throw cause;
        const message = `event ${event.id} of ${event.stream} was not recorded within ${timeoutMs} ms; append it again`;
        throw new Error(message, { cause });
      }
    },
    ...dynamoHistory({ aws, table }, within),
  };
};
