import { BatchGetCommand, BatchWriteCommand, type DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** BatchWriteItem takes 25, BatchGetItem 100 (docs.aws.amazon.com/amazondynamodb/latest/APIReference). */
const MOST_WRITTEN = 25;
const MOST_READ = 100;

export type Key = { readonly PK: string; readonly SK: string };
type Item = Record<string, unknown>;

export const chunks = <T>(items: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/** Every item that there is of these keys, in one round however many they are. */
export const readAll = async (
  db: DynamoDBDocumentClient,
  table: string,
  keys: readonly Key[],
): Promise<readonly Item[]> => {
  const some = async (Keys: readonly Item[]): Promise<readonly Item[]> => {
    const out = await db.send(new BatchGetCommand({ RequestItems: { [table]: { Keys: [...Keys] } } }));
    const left = out.UnprocessedKeys?.[table]?.Keys ?? [];
    return [...(out.Responses?.[table] ?? []), ...(left.length > 0 ? await some(left) : [])];
  };
  return (await Promise.all(chunks(keys, MOST_READ).map(some))).flat();
};

/** Puts every item, 25 at a time. Twice is once. */
export const writeAll = async (db: DynamoDBDocumentClient, table: string, items: readonly Item[]): Promise<void> => {
  for (const some of chunks(items, MOST_WRITTEN)) {
    let left: readonly Item[] = some;
    while (left.length > 0) {
      const RequestItems = { [table]: left.map((Item) => ({ PutRequest: { Item } })) };
      const out = await db.send(new BatchWriteCommand({ RequestItems }));
      left = (out.UnprocessedItems?.[table] ?? []).flatMap(({ PutRequest }) => PutRequest?.Item ?? []);
    }
  }
};
