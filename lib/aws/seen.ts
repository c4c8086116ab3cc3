import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { Seen, SeenStore } from "../core/ledger/ports.ts";
import type { Aws } from "../core/types.ts";
import { documents } from "./document.ts";

/** What a witness has seen, an item for each log. */
export const dynamoSeen = (aws: Aws, TableName: string): SeenStore => ({
  async get(origin, abortSignal) {
    const command = new GetCommand({ TableName, Key: { PK: origin }, ConsistentRead: true });
    const { Item } = await documents(aws).send(command, { abortSignal });
    return Item && ({ size: Item["size"], root: Item["root"] } as Seen);
  },
  async advance(origin, from, to, abortSignal) {
    const condition = from
      ? {
          ConditionExpression: "#size = :size AND #root = :root",
          ExpressionAttributeNames: { "#size": "size", "#root": "root" },
          ExpressionAttributeValues: { ":size": from.size, ":root": from.root },
        }
      : { ConditionExpression: "attribute_not_exists(PK)" };
    try {
      const command = new PutCommand({ TableName, Item: { PK: origin, ...to }, ...condition });
      await documents(aws).send(command, { abortSignal });
      return true;
    } catch (error) {
      if (error instanceof Error && error.name === "ConditionalCheckFailedException") return false;
      throw error;
    }
  },
});
