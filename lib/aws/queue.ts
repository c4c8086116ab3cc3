import { quiet } from "../core/leak.ts";
import type { Aws, Spool } from "../core/types.ts";

/** The longest delay of a message (docs.aws.amazon.com/AWSSimpleQueueService SendMessage, DelaySeconds). */
const LONGEST_DELAY_S = 900;

// Sent to only after the kill: loaded then.
const client = () => import("@aws-sdk/client-sqs");

type Options = { readonly delayMs?: number; readonly attributes?: Readonly<Record<string, string>> };

/** Sends a body to a queue, to be seen after a delay, with attributes beside it. */
export const sendTo =
  (aws: Aws, queueUrl: string) =>
  async (body: string, { delayMs = 0, attributes = {} }: Options = {}): Promise<void> => {
    const DelaySeconds = Math.min(Math.ceil(delayMs / 1000), LONGEST_DELAY_S);
    const MessageAttributes = Object.fromEntries(
      Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
    );
    const { SendMessageCommand, SQSClient } = await client();
    await aws(SQSClient).send(
      new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, DelaySeconds, MessageAttributes }),
    );
  };

/** The spool as a queue that the sealing function drains into the ledger. */
export const queueSpool = (aws: Aws, queueUrl: string): Spool => {
  const send = sendTo(aws, queueUrl);
  return { put: (event) => send(JSON.stringify(quiet(event))) };
};

/** Lets a message come again after so many seconds, and not only when its visibility ends. */
export const comeAgain =
  (aws: Aws, QueueUrl: string) =>
  async (ReceiptHandle: string, VisibilityTimeout: number): Promise<void> => {
    const { ChangeMessageVisibilityCommand, SQSClient } = await client();
    await aws(SQSClient).send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }));
  };
