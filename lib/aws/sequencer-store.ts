import { BatchGetCommand, GetCommand, PutCommand, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { Fork } from "../core/ledger/errors.ts";
import { inParallel } from "../core/ledger/parallel.ts";
import type { Committed, EventName, Inbox, Lock } from "../core/ledger/ports.ts";
import type { Aws } from "../core/types.ts";
import { systemClock } from "./clock.ts";
import { documents } from "./document.ts";
import { eventKey, headKey, lockKey, nameOf, PENDING, rowOf, SHARDS, shardKey } from "./ledger-keys.ts";

type Table = { readonly aws: Aws; readonly table: string };
type Item = Readonly<Record<string, unknown>>;
type Key = Readonly<Record<string, string>>;
type Update = Omit<ConstructorParameters<typeof UpdateCommand>[0], "TableName" | "Key">;

/** Keys in one BatchGetItem. */
const BATCH = 100;
const AT_ONCE = 8;
/** Another transaction holds the item, or the service sheds load: neither is an answer. */
const PAUSE_MS = 25;

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

const readChunk = async ({ aws, table }: Table, keys: readonly Key[], abortSignal: AbortSignal): Promise<Item[]> => {
  const items: Item[] = [];
  let Keys: Record<string, unknown>[] = [...keys];
  while (Keys.length > 0) {
    const command = new BatchGetCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } });
    const page = await documents(aws).send(command, { abortSignal });
    items.push(...(page.Responses?.[table] ?? []));
    Keys = page.UnprocessedKeys?.[table]?.Keys ?? [];
    if (Keys.length > 0) await systemClock.sleep(PAUSE_MS, abortSignal);
  }
  return items;
};

const readAll = async (at: Table, keys: readonly Key[], signal: AbortSignal): Promise<readonly Item[]> => {
  const chunks = Array.from({ length: Math.ceil(keys.length / BATCH) }, (_, i) =>
    keys.slice(i * BATCH, (i + 1) * BATCH),
  );
  const found: Item[] = [];
  await inParallel(chunks, AT_ONCE, async (chunk) => {
    found.push(...(await readChunk(at, chunk, signal)));
  });
  return found;
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
    const items = await readAll(at, names.map(eventKey), signal);
    return items.map(rowOf).filter((row) => row !== undefined);
  },
  async sealedSeqs(streams, signal) {
    const heads = await readAll(at, streams.map(headKey), signal);
    return new Map(heads.map((head) => [nameOf(head).stream, Number(head["sealed"] ?? 0)]));
  },
  async place(name, index, signal) {
    const change = {
      UpdateExpression: "SET idx = :index REMOVE gpk, gsk",
      ConditionExpression: "attribute_exists(PK) AND (attribute_not_exists(idx) OR idx = :index)",
      ExpressionAttributeValues: { ":index": index },
    };
    if (await update(at, eventKey(name), change, signal)) return;
    throw new Fork(`event ${name.id} of ${name.stream} is sealed at ${index}, but its item is gone or says otherwise`);
  },
  async raise(stream, seq, signal) {
    const change = {
      UpdateExpression: "SET sealed = :seq",
      ConditionExpression: "attribute_exists(PK) AND (attribute_not_exists(sealed) OR sealed < :seq)",
      ExpressionAttributeValues: { ":seq": seq },
    };
    await update(at, headKey(stream), change, signal);
  },
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
