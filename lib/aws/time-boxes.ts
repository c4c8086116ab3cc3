import { ConditionalCheckFailedException, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  QueryCommand,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import type { TimeBoxes } from "../core/time-box.ts";
import type { Aws, Instant } from "../core/types.ts";
import { documents } from "./document.ts";

const key = (incident: string) => ({ PK: `INC#${incident}`, SK: "BOX" });
const LIST = "BOXES";

/** The item that has an incident found once its time is over. */
const boxItem = (incident: string, endsAt: Instant) => ({
  ...key(incident),
  gpk: LIST,
  gsk: endsAt,
  incident,
});

type Put = NonNullable<NonNullable<TransactWriteCommandInput["TransactItems"]>[number]["Put"]>;

/** Writes an incident and its box, both or neither. False when its condition did not hold: it was begun before. */
export const putBoxed = async (
  aws: Aws,
  put: Put,
  { incident, endsAt }: { readonly incident: string; readonly endsAt: Instant },
): Promise<boolean> => {
  const box = { TableName: put.TableName, Item: boxItem(incident, endsAt) };
  try {
    await documents(aws).send(new TransactWriteCommand({ TransactItems: [{ Put: put }, { Put: box }] }));
    return true;
  } catch (error) {
    const reasons = error instanceof TransactionCanceledException ? error.CancellationReasons : undefined;
    if (reasons?.[0]?.Code === "ConditionalCheckFailed") return false;
    throw error;
  }
};

/** Time boxes in the state table. One that is closed leaves the index and stays as an item. */
export const dynamoTimeBoxes = (aws: Aws, table: string): TimeBoxes => {
  const update = async (incident: string, UpdateExpression: string, values?: Record<string, string>) => {
    try {
      await documents(aws).send(
        new UpdateCommand({
          TableName: table,
          Key: key(incident),
          UpdateExpression,
          ConditionExpression: "attribute_exists(gpk)",
          ...(values && { ExpressionAttributeValues: values }),
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  };
  return {
    async ended(now, limit) {
      const out = await documents(aws).send(
        new QueryCommand({
          TableName: table,
          IndexName: "list",
          KeyConditionExpression: "gpk = :list AND gsk <= :now",
          ExpressionAttributeValues: { ":list": LIST, ":now": now },
          Limit: limit,
        }),
      );
      return (out.Items ?? []).map(({ incident }) => String(incident));
    },
    lookAgain: (incident, at) => update(incident, "SET gsk = :at", { ":at": at }),
    closeBox: (incident) => update(incident, "REMOVE gpk, gsk"),
  };
};
