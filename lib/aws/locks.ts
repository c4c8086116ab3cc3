import { ConditionalCheckFailedException } from "@aws-sdk/client-dynamodb";
import { UpdateCommand } from "@aws-sdk/lib-dynamodb";
import type { Locks } from "../core/locks.ts";
import type { Aws, CredentialId, Identifier, Instant } from "../core/types.ts";
import { documents, itemOf } from "./document.ts";

const key = (identity: Identifier) => ({ PK: `LOCK#${identity}`, SK: "META" });
/** After its end an item is of no use; DynamoDB removes it within days. In seconds. */
const KEPT_S = 86_400;

/** Turns at targets, in the state table: one conditional write each. */
export const dynamoLocks = (aws: Aws, table: string): Locks => ({
  async take(identity, holder, { now, until, force = false }) {
    try {
      await documents(aws).send(
        new UpdateCommand({
          TableName: table,
          Key: key(identity),
          UpdateExpression: "SET holder = :holder, #until = :until, expiresAt = :expires",
          ...(!force && { ConditionExpression: "attribute_not_exists(holder) OR holder = :holder OR #until < :now" }),
          ExpressionAttributeNames: { "#until": "until" },
          ExpressionAttributeValues: {
            ":holder": holder,
            ":until": until,
            ":expires": Math.floor(Date.parse(until) / 1_000) + KEPT_S,
            ...(!force && { ":now": now }),
          },
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        }),
      );
      return "taken";
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      const { holder: other, until: end } = itemOf(error);
      return { holder: String(other) as CredentialId, until: String(end) as Instant };
    }
  },
  async release(identity, holder) {
    try {
      await documents(aws).send(
        new UpdateCommand({
          TableName: table,
          Key: key(identity),
          UpdateExpression: "REMOVE holder",
          ConditionExpression: "holder = :holder",
          ExpressionAttributeValues: { ":holder": holder },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  },
});
