import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { FilterCriteria, FilterRule, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Construct } from "constructs";
import { acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";

/** Reads the key that the log is checked with: at the end of a handover the next one, from one call to another. */
const readKey = (fn: RekeyFunction, { signingKeys }: Hub): void =>
  fn.allow(
    ["kms:GetPublicKey"],
    signingKeys.map(({ keyArn }) => keyArn),
  );

/** Reads the sealed log, and the key that it is checked with. */
export const readLog = (fn: RekeyFunction, hub: Hub): void => {
  const { naming, place } = hub;
  const bucket = (name: string) => `arn:${place.partition}:s3:::${name}`;
  const archive = bucket(naming.archiveBucket(place.account, place.region));
  const work = bucket(naming.workBucket(place.account, place.region));
  // A log of several years has the later ones below shard/.
  const files = [archive, work].flatMap((bucket) => [`${bucket}/tile/*`, `${bucket}/shard/*`]);
  fn.allow(["s3:GetObject"], [...files, `${work}/checkpoint`]);
  // Without it S3 answers 403 instead of 404 for what is not there, and a full tile would not be looked for.
  fn.allow(["s3:ListBucket"], [archive, work]);
  readKey(fn, hub);
  for (const path of files) acceptResource(fn.role, path, "The log grows by objects there; this role only reads.");
};

/** Writes the projection, and nobody else does. Any number may run at once: its watermark moves by compare-and-swap. */
export class ProjectFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming } = hub;
    super(scope, id, {
      config,
      entry: "project",
      name: naming.project,
      description: "Rekey: keeps what reviewers ask for, as the sealed log says it",
      // A rebuild goes on in the next run where this one ends.
      timeout: Duration.minutes(15),
      memory: 1024,
    });
    this.listen(hub);
    new Rule(this, "Regularly", {
      ruleName: `${naming.project}-regularly`,
      description: "Reads what the stream did not wake the projection for",
      schedule: Schedule.rate(Duration.minutes(5)),
      targets: [new LambdaFunction(this.lambda, { retryAttempts: 0 })],
    });
    this.allowStores(hub);
    readLog(this, hub);
  }

  /** A commit of the sealer's changes its lock: that rings. At most one ring in ten seconds, whatever the load. */
  private listen({ ledger }: Hub) {
    this.lambda.addEventSource(
      new DynamoEventSource(ledger, {
        startingPosition: StartingPosition.LATEST,
        batchSize: 1000,
        maxBatchingWindow: Duration.seconds(10),
        retryAttempts: 1,
        filters: [
          FilterCriteria.filter({
            eventName: FilterRule.isEqual("MODIFY"),
            dynamodb: { Keys: { SK: { S: FilterRule.isEqual("LOCK") } } },
          }),
        ],
      }),
    );
    this.allow(
      ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
      [ledger.tableStreamArn ?? ""],
    );
  }

  private allowStores({ ledger, review, appendKey }: Hub) {
    this.allow(
      ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"],
      [review.tableArn],
    );
    this.allow([...APPEND, "dynamodb:Query"], [ledger.tableArn], appendedKeys);
    this.allow(AUTHENTICATE, [appendKey.keyArn]);
  }
}
