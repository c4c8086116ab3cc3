import { GetCommand, PutCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { Committed, EventName, Inbox, Lock } from "../core/ledger/ports.ts";
import type { Key } from "./batch.ts";
import { systemClock } from "./clock.ts";
import { documents } from "./document.ts";
import { eventKey, headKey, lockKey, nameOf, PENDING, rowOf, SHARDS, shardKey } from "./ledger-keys.ts";
import { placeAll, raiseAll } from "./ledger-mark.ts";
import { type Item, PAUSE_MS, readItems, type Table } from "./ledger-read.ts";

type Update = Omit<ConstructorParameters<typeof UpdateCommand>[0], "TableName" | "Key">;

const isCondition = (error: unknown): boolean =>
  error instanceof Error && error.name === "ConditionalCheckFailedException";

/** Updates an item if its condition holds; false when it does not. */
const update = async ({ aws, table }: Table, key: Key, change: Update, abortSignal: AbortSignal): Promise<boolean> => {
  for (;;) {
    try {
      await documents(aws).send(new UpdateCommand({ TableName: table, Key: key, ...change }), { abortSignal });
      return true;
    } catch (error) {
      if (isCondition(error)) return false;
      if (!(error instanceof Error) || error.name !== "TransactionConflictException") throw error;
      await systemClock.sleep(PAUSE_MS, abortSignal);
    }
  }
};

const pending = async (
  { aws, table }: Table,
  limit: number,
  abortSignal: AbortSignal,
): Promise<readonly EventName[]> => {
  const ofShard = async (shard: number): Promise<readonly Item[]> => {
    const query = new QueryCommand({
      TableName: table,
      IndexName: PENDING,
      KeyConditionExpression: "gpk = :shard",
      ExpressionAttributeValues: { ":shard": shardKey(shard) },
      Limit: limit,
    });
    return (await documents(aws).send(query, { abortSignal })).Items ?? [];
  };
  const items = (await Promise.all(Array.from({ length: SHARDS }, (_, shard) => ofShard(shard)))).flat();
  const arrival = (item: Item): string => String(item["gsk"]);
  return items
    .sort((a, b) => (arrival(a) < arrival(b) ? -1 : 1))
    .slice(0, limit)
    .map(nameOf);
};

/** The ledger table as the sequencer sees it. */
export const dynamoInbox = (at: Table): Inbox => ({
  pending: (limit, signal) => pending(at, limit, signal),
  async read(names, signal) {
    const items = await readItems(at, names.map(eventKey), signal);
    return items.map(rowOf).filter((row) => row !== undefined);
  },
  async sealedSeqs(streams, signal) {
    const heads = await readItems(at, streams.map(headKey), signal);
    return new Map(heads.map((head) => [nameOf(head).stream, Number(head["sealed"] ?? 0)]));
  },
  place: (events, signal) => placeAll(at, events, signal),
  raise: (streams, signal) => raiseAll(at, streams, signal),
});

/** The lock record of one log, in the same table. */
export const dynamoLock = (at: Table & { readonly origin: string }): Lock => {
  const key = lockKey(at.origin);
  const { aws, table: TableName } = at;
  return {
    async read(abortSignal) {
      const command = new GetCommand({ TableName, Key: key, ConsistentRead: true });
      const { Item } = await documents(aws).send(command, { abortSignal });
      if (Item === undefined) return undefined;
      const { PK, SK, ...record } = Item;
      return record as Committed;
    },
    async create(first, abortSignal) {
      const command = new PutCommand({
        TableName,
        Item: { ...key, ...first },
        ConditionExpression: "attribute_not_exists(PK)",
      });
      await documents(aws)
        .send(command, { abortSignal })
        .catch((error: unknown) => {
          if (!isCondition(error)) throw error;
        });
    },
    commit(next, from, signal) {
      const set = Object.keys(next).map((name) => `#${name} = :${name}`);
      const change = {
        UpdateExpression: `SET ${set.join(", ")}`,
        ConditionExpression: "#size = :from AND #applied = :true",
        ExpressionAttributeNames: Object.fromEntries(Object.keys(next).map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: {
          ...Object.fromEntries(Object.entries(next).map(([name, value]) => [`:${name}`, value])),
          ":from": from,
          ":true": true,
        },
      };
      return update(at, key, change, signal);
    },
    async settle(size, signal) {
      const change = {
        UpdateExpression: "SET #applied = :true",
        ConditionExpression: "#size = :size",
        ExpressionAttributeNames: { "#applied": "applied", "#size": "size" },
        ExpressionAttributeValues: { ":true": true, ":size": size },
      };
      await update(at, key, change, signal);
    },
  };
};
