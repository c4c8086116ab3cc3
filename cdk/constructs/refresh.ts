import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { refreshers } from "../../lib/catalog.ts";
import { acceptNoRedrive, acceptResource } from "../acknowledged.ts";
import { filled } from "../grants.ts";
import type { Hub } from "../hub-stack.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";
import { queue } from "./queues.ts";

const TIMEOUT = Duration.minutes(1);

/** Has consumers read a rotated secret again, wave after wave; a look at a time, so that nothing waits in a function. */
export class RefreshFunction extends RekeyFunction {
  /** Rotations that nobody could look at. */
  readonly lost: Queue;
  readonly stalled: Metric;

  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming, place } = hub;
    const lost = queue(scope, "RefreshLost", { queueName: `${naming.refresh}-lost` });
    acceptNoRedrive(lost, "It is where looks end that failed ten times.");
    const looks = queue(scope, "RefreshLooks", {
      queueName: naming.refresh,
      visibilityTimeout: Duration.minutes(2),
      deadLetterQueue: { queue: lost, maxReceiveCount: 10 },
    });
    super(scope, id, {
      config,
      entry: "refresh",
      name: naming.refresh,
      description: "Rekey: has consumers read a rotated secret again",
      timeout: TIMEOUT,
      memory: 512,
      environment: { REKEY_REFRESH_URL: looks.queueUrl },
    });
    this.lost = lost;
    this.stalled = new Metric({
      namespace: "Rekey",
      metricName: "StalledRefreshes",
      dimensionsMap: { service: config.prefix },
      statistic: "Maximum",
      period: Duration.minutes(5),
    });
    new Rule(this, "OnRotated", {
      ruleName: `${naming.refresh}-on-rotated`,
      description: "Has consumers read a rotated secret again",
      eventPattern: { source: ["rekey"], detailType: ["Rekey Credential Rotated"] },
      targets: [new SqsQueue(looks)],
    });
    this.lambda.addEventSource(new SqsEventSource(looks, { batchSize: 5, reportBatchItemFailures: true }));
    this.allow(
      ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"],
      [looks.queueArn],
    );
    acceptResource(this.role, naming.secretsArn(place), "To tell from its tags who follows a secret. No values.");
    this.allow(["secretsmanager:DescribeSecret"], [naming.secretsArn(place)]);
    this.allow(["dynamodb:BatchWriteItem", "dynamodb:Query"], [hub.state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["CONSUMERS#*"] },
    });
    this.allow(["events:PutEvents"], [naming.busArn(place)]);
    this.allow(APPEND, [hub.ledger.tableArn], appendedKeys);
    this.allow(AUTHENTICATE, [hub.appendKey.keyArn]);
    this.allowConsumers(hub);
  }

  private allowConsumers({ config, place }: Hub) {
    const wanted = refreshers.flatMap(({ kind, grants }) =>
      (config.consumers[kind] ?? []).flatMap((name) => grants.map((grant) => ({ grant, name }))),
    );
    for (const { grant, name } of wanted) {
      const own = filled(grant, { ...place, prefix: config.prefix, network: "", name });
      for (const resource of own.resources.filter((one) => one.includes("*"))) {
        acceptResource(this.role, resource, "The pattern is the owner's, of the config.");
      }
      this.allowFilled(own);
    }
  }
}
