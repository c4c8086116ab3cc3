import { type AttributeValue, type ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { Aws } from "../core/types.ts";

const made = new WeakMap<DynamoDBClient, DynamoDBDocumentClient>();

/** The one document client over the one DynamoDB client of this process. */
export const documents = (aws: Aws): DynamoDBDocumentClient => {
  const client = aws(DynamoDBClient);
  const known = made.get(client);
  if (known) return known;
  const fresh = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  made.set(client, fresh);
  return fresh;
};

/** The item that a condition did not hold for, of an error that was asked to bring it: the document client leaves it as it came. */
export const itemOf = ({ Item }: ConditionalCheckFailedException): Record<string, unknown> =>
  unmarshall((Item ?? {}) as Record<string, AttributeValue>);
