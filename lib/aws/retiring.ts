import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, PutCommand, paginateQuery, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { RetireList, Retiring } from "../core/retiring.ts";
import type { Aws } from "../core/types.ts";
import { documents } from "./document.ts";

const LIST = "RETIRING";
const key = ({ credential, version }: Pick<Retiring, "credential" | "version">) => ({
  PK: `RETIRE#${credential}`,
  SK: version,
});
const place = ({ credential, version, dueAt }: Retiring) => ({ gpk: LIST, gsk: `${dueAt}#${credential}#${version}` });

const asEntry = (item: Record<string, unknown>): Retiring => {
  const { PK, SK, gpk, gsk, ...entry } = item;
  return entry as Retiring;
};

const unlessAbsent = async (write: Promise<unknown>): Promise<void> => {
  try {
    await write;
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
};

/** The must-die list, in the state table. */
export const dynamoRetireList = (aws: Aws, table: string): RetireList => {
  const db = () => documents(aws);
  const listed = async (until: string | undefined, limit: number): Promise<readonly Retiring[]> => {
    const found: Retiring[] = [];
    const pages = paginateQuery(
      { client: db() },
      {
        TableName: table,
        IndexName: "list",
        KeyConditionExpression: until === undefined ? "gpk = :list" : "gpk = :list AND gsk < :until",
        ExpressionAttributeValues: { ":list": LIST, ...(until !== undefined && { ":until": until }) },
      },
    );
    for await (const { Items = [] } of pages) {
      found.push(...Items.map(asEntry));
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  };
  return {
    add: (entry) =>
      unlessAbsent(
        db().send(
          new PutCommand({
            TableName: table,
            Item: { ...key(entry), ...place(entry), ...entry },
            ConditionExpression: "attribute_not_exists(PK)",
          }),
        ),
      ),
    // `~` sorts behind everything that follows an instant here.
    due: (now, limit) => listed(`${now}~`, limit),
    all: () => listed(undefined, Number.POSITIVE_INFINITY),
    postpone: (entry, dueAt, why) =>
      unlessAbsent(
        db().send(
          new UpdateCommand({
            TableName: table,
            Key: key(entry),
            UpdateExpression: "SET dueAt = :due, gsk = :place, why = :why, attempts = :attempts",
            ConditionExpression: "attribute_exists(PK)",
            ExpressionAttributeValues: {
              ":due": dueAt,
              ":place": place({ ...entry, dueAt }).gsk,
              ":why": why,
              ":attempts": entry.attempts + 1,
            },
          }),
        ),
      ),
    async strike(entry) {
      await db().send(new DeleteCommand({ TableName: table, Key: key(entry) }));
    },
  };
};
