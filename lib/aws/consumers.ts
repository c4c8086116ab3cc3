import { BatchWriteCommand, type BatchWriteCommandInput, QueryCommand } from "@aws-sdk/lib-dynamodb";
import type { Consumer, Consumers } from "../core/adoption.ts";
import type { Aws, CredentialId } from "../core/types.ts";
import { documents } from "./document.ts";

/** A partition of their own: whoever writes here needs no right to a credential's other items. */
const partition = (credential: CredentialId) => `CONSUMERS#${credential}`;

/** Longest waits grow from this, in ms, while DynamoDB leaves a write unprocessed. */
const AGAIN_MS = 50;
const MOST_TRIES = 6;

/** The registry of consumers in the state table. */
export const dynamoConsumers = (aws: Aws, table: string): Consumers => {
  const write = async (requests: NonNullable<BatchWriteCommandInput["RequestItems"]>[string]): Promise<void> => {
    let left = requests;
    for (let tries = 0; left.length > 0; tries++) {
      if (tries === MOST_TRIES)
        throw new Error(`Table ${table} did not take a consumer's acknowledgement. Send it again.`);
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS * 2 ** tries));
      const out = await documents(aws).send(new BatchWriteCommand({ RequestItems: { [table]: left } }));
      left = out.UnprocessedItems?.[table] ?? [];
    }
  };
  return {
    put: (credential, consumer) =>
      write([{ PutRequest: { Item: { PK: partition(credential), SK: consumer.name, consumer } } }]),
    remove: (credential, name) => write([{ DeleteRequest: { Key: { PK: partition(credential), SK: name } } }]),
    async list(credential) {
      const found: Consumer[] = [];
      let next: Record<string, unknown> | undefined;
      do {
        const page = await documents(aws).send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: "PK = :pk",
            ExpressionAttributeValues: { ":pk": partition(credential) },
            ConsistentRead: true,
            ExclusiveStartKey: next,
          }),
        );
        found.push(...(page.Items ?? []).map((item) => item["consumer"] as Consumer));
        next = page.LastEvaluatedKey;
      } while (next);
      return found;
    },
  };
};
