import { ConditionalCheckFailedException, DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { PutCommand } from "@aws-sdk/lib-dynamodb";
import type { Fence } from "../core/retiring.ts";
import type { Aws } from "../core/types.ts";
import { documents } from "./document.ts";

const KEY = { PK: "FENCE", SK: "META" };

/**
 * The table's own id, noted in the table: a restore always makes a new table, with a new id
 * (docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html), and brings the old note.
 */
export const dynamoFence = (aws: Aws, table: string): Fence => {
  const tableId = async (): Promise<string> => {
    const { Table } = await aws(DynamoDBClient).send(new DescribeTableCommand({ TableName: table }));
    return Table?.TableId ?? "unknown";
  };
  const note = (id: string) => ({ TableName: table, Item: { ...KEY, tableId: id } });
  return {
    async look() {
      const id = await tableId();
      try {
        await documents(aws).send(
          new PutCommand({
            ...note(id),
            ConditionExpression: "attribute_not_exists(PK) OR tableId = :id",
            ExpressionAttributeValues: { ":id": id },
          }),
        );
        return "same";
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return "restored";
        throw error;
      }
    },
    async accept() {
      await documents(aws).send(new PutCommand(note(await tableId())));
    },
  };
};
