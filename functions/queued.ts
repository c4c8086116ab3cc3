import * as z from "zod/mini";
import { described } from "../lib/core/sanitize.ts";
import { log } from "./environment.ts";

/** docs.aws.amazon.com/lambda/latest/dg/with-sqs.html: the message record. */
const Batch = z.object({
  Records: z.array(
    z.object({
      messageId: z.string(),
      receiptHandle: z.string(),
      body: z.string(),
      attributes: z.object({ ApproximateReceiveCount: z.string() }),
    }),
  ),
});

/** After 5 s, then twice as late each time, up to a quarter of an hour: the queue's hundred deliveries last for a day. */
const againAfter = (deliveries: number) => Math.min(5 * 2 ** (deliveries - 1), 900);

/** Handles each message; one that failed comes again, ever later. */
export const eachQueued = async (
  event: unknown,
  handle: (body: string) => Promise<void>,
  again: (receiptHandle: string, seconds: number) => Promise<void>,
): Promise<{ readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] }> => {
  const batchItemFailures: { readonly itemIdentifier: string }[] = [];
  for (const { messageId, body, receiptHandle, attributes } of Batch.parse(event).Records) {
    try {
      await handle(body);
    } catch (error) {
      await log("warn", "not told, comes again", { messageId, ...described(error) });
      await again(receiptHandle, againAfter(Number(attributes.ApproximateReceiveCount))).catch(() => undefined);
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
};
