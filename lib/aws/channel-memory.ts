import { GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { Aws, Instant } from "../core/types.ts";
import { documents } from "./document.ts";

/** A partition of their own: whoever writes here needs no right to other items of the table. */
const key = (mark: string) => ({ PK: `DELIVERY#${mark}`, SK: "META" });
const secondsOf = (instant: Instant) => Math.ceil(Date.parse(instant) / 1_000);

/** Marks of what channels brought, in the state table, each until its time. */
export const dynamoDeliveries = (aws: Aws, table: string) => ({
  async has(mark: string, now: Instant): Promise<boolean> {
    const { Item } = await documents(aws).send(
      new GetCommand({ TableName: table, Key: key(mark), ConsistentRead: true }),
    );
    // DynamoDB removes an item within days of its time, not at it.
    return typeof Item?.["expiresAt"] === "number" && Item["expiresAt"] > Math.floor(Date.parse(now) / 1_000);
  },
  async add(mark: string, until: Instant): Promise<void> {
    await documents(aws).send(
      new PutCommand({ TableName: table, Item: { ...key(mark), expiresAt: secondsOf(until) } }),
    );
  },
});
