import { Duration } from "aws-cdk-lib";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { acceptNoRedrive } from "../acknowledged.ts";
import { queue } from "./queues.ts";

/** What a function needs that takes from such a queue, puts back later and puts in more. */
export const PATIENCE = [
  "sqs:ChangeMessageVisibility",
  "sqs:DeleteMessage",
  "sqs:GetQueueAttributes",
  "sqs:ReceiveMessage",
  "sqs:SendMessage",
] as const;

/** A queue for what others are told, and the one where that ends which nobody took in a day. */
export const patientQueue = (
  scope: Construct,
  { id, name, what }: { readonly id: string; readonly name: string; readonly what: string },
): { readonly tasks: Queue; readonly lost: Queue } => {
  const lost = queue(scope, `${id}Lost`, { queueName: `${name}-lost` });
  acceptNoRedrive(lost, `It is where ${what.toLowerCase()} end that nobody took.`);
  const tasks = queue(scope, `${id}${what}`, {
    queueName: name,
    visibilityTimeout: Duration.minutes(6),
    // The function has a failed one come again ever later: so many last for a day.
    deadLetterQueue: { queue: lost, maxReceiveCount: 100 },
  });
  return { tasks, lost };
};
