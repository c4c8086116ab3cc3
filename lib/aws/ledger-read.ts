import { BatchGetCommand } from "@aws-sdk/lib-dynamodb";
import { inParallel } from "../core/ledger/parallel.ts";
import type { Aws } from "../core/types.ts";
import { chunks, type Key } from "./batch.ts";
import { systemClock } from "./clock.ts";
import { documents } from "./document.ts";

export type Table = { readonly aws: Aws; readonly table: string };
export type Item = Readonly<Record<string, unknown>>;

/** Keys in one BatchGetItem. */
const BATCH = 100;
export const AT_ONCE = 8;
/** Another transaction holds the item, or the service sheds load: neither is an answer. */
export const PAUSE_MS = 25;

const readChunk = async ({ aws, table }: Table, keys: readonly Key[], abortSignal: AbortSignal): Promise<Item[]> => {
  const items: Item[] = [];
  let Keys: Record<string, unknown>[] = [...keys];
  while (Keys.length > 0) {
    const command = new BatchGetCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } });
    const page = await documents(aws).send(command, { abortSignal });
    // By the table's name or its ARN, as it was asked for or not: one table was.
    items.push(...Object.values(page.Responses ?? {}).flat());
    Keys = Object.values(page.UnprocessedKeys ?? {}).flatMap((left) => left.Keys ?? []);
    if (Keys.length > 0) await systemClock.sleep(PAUSE_MS, abortSignal);
  }
  return items;
};

/** Every item that there is of these keys, strongly consistent, in no order. Each key may come once. */
export const readItems = async (at: Table, keys: readonly Key[], signal: AbortSignal): Promise<readonly Item[]> => {
  const found: Item[] = [];
  await inParallel(chunks(keys, BATCH), AT_ONCE, async (chunk) => {
    found.push(...(await readChunk(at, chunk, signal)));
  });
  return found;
};
