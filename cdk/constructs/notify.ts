import { Duration } from "aws-cdk-lib";
import { Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { notifiers } from "../../lib/catalog.ts";
import { acceptResource } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import { filled } from "../grants.ts";
import type { Hub } from "../hub-stack.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";
import { PATIENCE, patientQueue } from "./patient-queue.ts";

type Props = { readonly hub: Hub; readonly notify: Settled["notify"] };

/** Tells people, and detectors' own lists, of what happened. Fed by Rekey's own bus event: no containment waits for it. */
export class NotifyFunction extends RekeyFunction {
  /** Messages that a notifier refused, or did not take in a day. */
  readonly lost: Queue;

  constructor(scope: Construct, id: string, { hub, notify }: Props) {
    const { config, naming } = hub;
    const { tasks: errands, lost } = patientQueue(scope, {
      id: "Notify",
      name: naming.notify,
      what: "Errands",
    });
    super(scope, id, {
      config,
      entry: "notify",
      name: naming.notify,
      description: "Rekey: tells people of what happened",
      timeout: Duration.minutes(1),
      memory: 512,
      environment: {
        REKEY_NOTIFY: JSON.stringify(notify),
        REKEY_NOTIFY_URL: errands.queueUrl,
        REKEY_NOTIFY_LOST_URL: lost.queueUrl,
      },
    });
    this.lost = lost;
    this.allowOwn(hub, errands);
    this.allowNotifiers(hub, notify);
  }

  private allowOwn(hub: Hub, errands: Queue) {
    new Rule(this, "OnNotice", {
      ruleName: `${hub.naming.notify}-on-notice`,
      description: "Tells people of what happened",
      eventPattern: { source: ["rekey"], detailType: ["Rekey Notice"] },
      targets: [new SqsQueue(errands)],
    });
    this.lambda.addEventSource(new SqsEventSource(errands, { batchSize: 4, reportBatchItemFailures: true }));
    this.allow(PATIENCE, [errands.queueArn]);
    this.allow(["sqs:SendMessage"], [this.lost.queueArn]);
    this.allow(["dynamodb:BatchGetItem", "dynamodb:GetItem"], [hub.state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["CRED#*", "DELIVERY#*", "INC#*", "PROPOSAL#*"] },
    });
    this.allow(["dynamodb:PutItem"], [hub.state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["DELIVERY#*"] },
    });
    this.allow(APPEND, [hub.ledger.tableArn], appendedKeys);
    this.allow(AUTHENTICATE, [hub.appendKey.keyArn]);
  }

  private allowNotifiers({ config, place }: Hub, notify: Props["notify"]) {
    for (const settings of notify) {
      const notifier = notifiers.find(({ kind }) => kind === settings.kind);
      for (const grant of notifier?.grants(settings) ?? []) {
        const own = filled(grant, { ...place, prefix: config.prefix, network: "" });
        for (const resource of own.resources.filter((one) => one.includes("*"))) {
          acceptResource(this.role, resource, "A region has one detector, whose id nobody knows before there is one.");
        }
        this.allowFilled(own);
      }
      const name = notifier?.secret(settings);
      if (!name) continue;
      // Secrets Manager ends a secret's ARN with six random characters (user guide, "IAM policy examples").
      const secret = `arn:${place.partition}:secretsmanager:${place.region}:${place.account}:secret:${name}-??????`;
      acceptResource(this.role, secret, "Its last six characters are random; the name is the config's.");
      this.allow(["secretsmanager:GetSecretValue"], [secret]);
    }
  }
}
