import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { FilterCriteria, FilterRule, StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource, SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Construct } from "constructs";
import { acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { AUTHENTICATE } from "./append.ts";
import { RekeyFunction } from "./function.ts";

/** Full tiles and bundles, event files, checkpoints by size, batches on their way, when MACs are due from, later years. */
const ARCHIVED = ["tile/", "events/", "checkpoints/", "staging/", "rules/", "shard/"];

/**
 * Puts events into the sealed log. Any number may run at once: compare-and-swap on one item picks the winner, so no
 * reserved concurrency is needed, which a new account (10 concurrent invocations in all) could not give.
 */
export class SealFunction extends RekeyFunction {
  /** Commits whose tiles were not written for five minutes; told each minute, so that silence is an alarm too. */
  readonly told: { readonly "ledger-unfinished": Metric };
  /** Streams in which somebody wrote by hand. */
  readonly happened: { readonly "ledger-tampered": Metric };

  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming, queues } = hub;
    super(scope, id, {
      config,
      entry: "seal",
      name: naming.seal,
      description: "Rekey: seals the ledger and signs its checkpoints",
      timeout: Duration.minutes(1),
      memory: 1024,
      environment: {
        REKEY_RETENTION_DAYS: config.archive.lock ? String(config.archive.retentionDays) : "0",
        ...(hub.signingKeys.length > 1 && { REKEY_NEXT_LEDGER_KEY: naming.nextLedgerKeyAlias }),
      },
    });
    const metric = (metricName: string) =>
      new Metric({
        namespace: "Rekey",
        metricName,
        dimensionsMap: { service: config.prefix },
        statistic: "Maximum",
        period: Duration.minutes(5),
      });
    this.told = { "ledger-unfinished": metric("UnfinishedCommits") };
    this.happened = { "ledger-tampered": metric("TamperedStreams") };
    this.listen(hub);
    this.lambda.addEventSource(new SqsEventSource(queues.spool, { batchSize: 10, reportBatchItemFailures: true }));
    new Rule(this, "EachMinute", {
      ruleName: `${naming.seal}-each-minute`,
      description: "Seals what the stream did not wake the sealer for",
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(this.lambda, { retryAttempts: 0 })],
    });
    this.allowStores(hub);
  }

  /** A new event rings; marking it as sealed does not. What a lost ring leaves, the next minute's run finds. */
  private listen({ ledger }: Hub) {
    this.lambda.addEventSource(
      new DynamoEventSource(ledger, {
        startingPosition: StartingPosition.LATEST,
        batchSize: 1000,
        maxBatchingWindow: Duration.seconds(1),
        retryAttempts: 1,
        filters: [
          FilterCriteria.filter({
            eventName: FilterRule.isEqual("INSERT"),
            dynamodb: { Keys: { SK: { S: FilterRule.beginsWith("E#") } } },
          }),
        ],
      }),
    );
    this.allow(
      ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
      [ledger.tableStreamArn ?? ""],
    );
  }

  private allowStores(hub: Hub) {
    const { ledger, queues, signingKeys, appendKey } = hub;
    this.allow(
      [
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:PartiQLUpdate",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
      ],
      [ledger.tableArn],
    );
    this.allow(["dynamodb:Query"], [`${ledger.tableArn}/index/pending`]);
    this.allow(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], [queues.spool.queueArn]);
    this.allow(
      ["kms:GetPublicKey", "kms:Sign"],
      signingKeys.map(({ keyArn }) => keyArn),
    );
    this.allow(AUTHENTICATE, [appendKey.keyArn]);
    this.allowBuckets(hub);
  }

  private allowBuckets({ config, naming, place }: Hub) {
    const bucket = (name: string) => `arn:${place.partition}:s3:::${name}`;
    const archive = bucket(naming.archiveBucket(place.account, place.region));
    const work = bucket(naming.workBucket(place.account, place.region));
    const kept = ARCHIVED.map((path) => `${archive}/${path}*`);
    const objects = [...kept, `${work}/tile/*`, `${work}/shard/*`, `${work}/checkpoint`];
    this.allow(["s3:GetObject", "s3:PutObject"], objects);
    // A stage is read by its version, which nobody can hide behind a later one.
    this.allow(["s3:GetObjectVersion"], [`${archive}/staging/*`]);
    // Without it S3 answers 403 instead of 404 for what is not there, and the sealer could not tell.
    this.allow(["s3:ListBucket"], [archive, work]);
    if (config.archive.lock) this.allow(["s3:PutObjectRetention"], kept);
    for (const path of objects.filter((object) => object.endsWith("*"))) {
      acceptResource(this.role, path, "The log grows by objects under these paths; nobody else may write them.");
    }
  }
}
