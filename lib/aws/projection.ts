import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
} from "@aws-sdk/lib-dynamodb";
import { inParallel } from "../core/ledger/parallel.ts";
import type { Sealed } from "../core/review/entry.ts";
import type { CredentialState } from "../core/review/fold.ts";
import { type Fetched, following } from "../core/review/pages.ts";
import { credentialList, type Placed, type ReviewStore, shardOf, type Watermark } from "../core/review/store.ts";
import type { Aws } from "../core/types.ts";
import { systemClock } from "./clock.ts";
import { documents } from "./document.ts";

type Item = Record<string, unknown>;

/** Lists of what is overdue: DynamoDB takes 1,000 writes a second in each. */
const DUE_SHARDS = 8;
const STATE = "STATE";
const MARK = { PK: "META", SK: "WATERMARK" };
/** BatchWriteItem takes 25 items and BatchGetItem 100 (docs.aws.amazon.com, API_BatchWriteItem, API_BatchGetItem). */
const WRITE_BATCH = 25;
const READ_BATCH = 100;
const AT_ONCE = 8;
const PAUSE_MS = 25;
const DIGITS = 12;

/** Text that sorts as the numbers do: 12 digits last for a million million events. */
const eventKey = (index: number): string => `EV#${String(index).padStart(DIGITS, "0")}`;
const stateKey = (id: string) => ({ PK: credentialList(id), SK: STATE });
const dueList = (shard: number): string => `DUE#${shard}`;

const chunks = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/** The event as text: its lists would each cost it again as attributes, and nothing is asked of its parts here. */
const lineItem = ({ list, event }: Placed): Item => ({
  PK: list,
  SK: eventKey(event.index),
  event: JSON.stringify(event),
});

/** Sparse: only what is overdue is in a list, so that nothing has to be taken out of one. */
const stateItem = (state: CredentialState): Item => ({
  ...stateKey(state.id),
  idx: state.index,
  state: JSON.stringify(state),
  ...(state.overdue && {
    gpk: dueList(shardOf(state.id, DUE_SHARDS)),
    gsk: `${state.overdue.owed}#${state.id}`,
  }),
});

const stateOf = (item: Item): CredentialState => JSON.parse(String(item["state"])) as CredentialState;

const isRefused = (error: unknown): boolean => {
  if (error instanceof ConditionalCheckFailedException) return true;
  throw error;
};

/** The projection in its own table. Everything in it follows from the ledger. */
export const dynamoReview = (aws: Aws, table: string): ReviewStore => {
  const db = () => documents(aws);

  const batchWrite = async (requests: readonly object[]): Promise<void> => {
    let left = [...requests];
    while (left.length > 0) {
      const out = await db().send(new BatchWriteCommand({ RequestItems: { [table]: left } }));
      left = out.UnprocessedItems?.[table] ?? [];
      if (left.length > 0) await systemClock.sleep(PAUSE_MS);
    }
  };
  const batchRead = async (keys: readonly Item[]): Promise<readonly Item[]> => {
    const found: Item[] = [];
    let left = [...keys];
    while (left.length > 0) {
      const RequestItems = { [table]: { Keys: left, ConsistentRead: true } };
      const out = await db().send(new BatchGetCommand({ RequestItems }));
      found.push(...(out.Responses?.[table] ?? []));
      left = out.UnprocessedKeys?.[table]?.Keys ?? [];
      if (left.length > 0) await systemClock.sleep(PAUSE_MS);
    }
    return found;
  };
  const putState = async (state: CredentialState): Promise<void> => {
    const ConditionExpression = "attribute_not_exists(PK) OR idx <= :idx";
    const ExpressionAttributeValues = { ":idx": state.index };
    const put = { TableName: table, Item: stateItem(state), ConditionExpression, ExpressionAttributeValues };
    await db().send(new PutCommand(put)).catch(isRefused);
  };
  const query = async (input: object, from: Item | undefined): Promise<Fetched<Item, Item>> => {
    const page = await db().send(new QueryCommand({ TableName: table, ...input, ExclusiveStartKey: from }));
    return { items: page.Items ?? [], ...(page.LastEvaluatedKey && { next: page.LastEvaluatedKey }) };
  };

  return {
    async watermark() {
      const out = await db().send(new GetCommand({ TableName: table, Key: MARK, ConsistentRead: true }));
      return out.Item?.["mark"] as Watermark | undefined;
    },
    async advance(from, to) {
      const condition =
        from === 0
          ? { ConditionExpression: "attribute_not_exists(PK)" }
          : {
              // Its parts by other names: SIZE is a reserved word of DynamoDB's.
              ConditionExpression: "#mark.#size = :from",
              ExpressionAttributeNames: { "#mark": "mark", "#size": "size" },
              ExpressionAttributeValues: { ":from": from },
            };
      return db()
        .send(new PutCommand({ TableName: table, Item: { ...MARK, mark: to }, ...condition }))
        .then(() => true)
        .catch((error) => !isRefused(error));
    },
    async states(ids) {
      const found: Item[] = [];
      await inParallel(chunks(ids.map(stateKey), READ_BATCH), AT_ONCE, async (keys) => {
        found.push(...(await batchRead(keys)));
      });
      return new Map(found.map(stateOf).map((state) => [state.id, state]));
    },
    async write(events, states) {
      const puts = events.map((placed) => ({ PutRequest: { Item: lineItem(placed) } }));
      await inParallel(chunks(puts, WRITE_BATCH), AT_ONCE, batchWrite);
      await inParallel(states, AT_ONCE, putState);
    },
    async page(list, after, limit) {
      const input = {
        KeyConditionExpression: "PK = :list AND SK BETWEEN :first AND :last",
        ExpressionAttributeValues: {
          ":list": list,
          ":first": eventKey(after + 1),
          ":last": "EV#~",
        },
        ConsistentRead: true,
        // One more than asked for tells whether more follow.
        Limit: limit + 1,
      };
      const items = await following((from: Item | undefined) => query(input, from), limit + 1);
      const events = items.slice(0, limit).map((item) => JSON.parse(String(item["event"])) as Sealed);
      const last = events.at(-1);
      return { events, ...(items.length > limit && last && { next: last.index }) };
    },
    async overdue() {
      const lists = await Promise.all(
        Array.from({ length: DUE_SHARDS }, (_, shard) => {
          const input = {
            IndexName: "lists",
            KeyConditionExpression: "gpk = :list",
            ExpressionAttributeValues: { ":list": dueList(shard) },
          };
          return following((from: Item | undefined) => query(input, from));
        }),
      );
      return lists
        .flat()
        .sort((a, b) => (String(a["gsk"]) < String(b["gsk"]) ? -1 : 1))
        .map(stateOf);
    },
    async clear() {
      await batchWrite([{ DeleteRequest: { Key: MARK } }]);
      const keys = await following(async (from: Item | undefined) => {
        const scan = new ScanCommand({ TableName: table, ProjectionExpression: "PK, SK", ExclusiveStartKey: from });
        const page = await db().send(scan);
        return { items: page.Items ?? [], ...(page.LastEvaluatedKey && { next: page.LastEvaluatedKey }) };
      });
      const removals = keys.map(({ PK, SK }) => ({ DeleteRequest: { Key: { PK, SK } } }));
      await inParallel(chunks(removals, WRITE_BATCH), AT_ONCE, batchWrite);
    },
  };
};
