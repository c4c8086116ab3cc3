import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { CfnSchedule } from "aws-cdk-lib/aws-scheduler";
import type { Construct } from "constructs";
import { acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";

/** Rotates what Secrets Manager does not keep, and notices what nobody has rotated. */
export class ClockFunction extends RekeyFunction {
  /** How many credentials are overdue; told each minute, so that silence is an alarm too. */
  readonly overdue: Metric;
  /** Replaced versions that are still not dead a day after. */
  readonly undead: Metric;

  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming } = hub;
    super(scope, id, {
      config,
      entry: "clock",
      name: naming.clock,
      description: "Rekey: keeps the schedules that Secrets Manager does not, and watches the others",
      // A backlog is worked off in one run as far as it goes; with nothing due it takes a few queries.
      timeout: Duration.minutes(15),
      memory: 512,
      environment: {
        REKEY_SIGNALS_URL: hub.queues.signals.queueUrl,
        ...(config.freezes.length > 0 && { REKEY_FREEZES: JSON.stringify(config.freezes) }),
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
    this.overdue = metric("OverdueRotations");
    this.undead = metric("UndeadVersions");
    this.tickEachMinute(hub);
    this.allowStores(hub);
    this.allowTargets(hub);
  }

  /** EventBridge Scheduler's own finest step. A tick that was not taken is not tried again: the next comes soon. */
  private tickEachMinute({ naming, place }: Hub) {
    const name = `${naming.clock}-each-minute`;
    const role = new Role(this, "Ticker", {
      roleName: naming.role(name, place),
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": place.account } },
      }),
      inlinePolicies: {
        Tick: new PolicyDocument({
          statements: [
            new PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [this.lambda.functionArn] }),
          ],
        }),
      },
    });
    new CfnSchedule(this, "EachMinute", {
      name,
      description: "Rotates what is due",
      scheduleExpression: "rate(1 minute)",
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: this.lambda.functionArn,
        roleArn: role.roleArn,
        input: "{}",
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    });
  }

  private allowStores({ ledger, appendKey, state, queues, naming, place }: Hub) {
    this.allow(["events:PutEvents"], [naming.busArn(place)]);
    this.allow(["sqs:SendMessage"], [queues.signals.queueArn]);
    this.allow(
      [
        "dynamodb:DeleteItem",
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
      ],
      [state.tableArn],
    );
    this.allow(["dynamodb:Query"], [`${state.tableArn}/index/list`]);
    this.allow(APPEND, [ledger.tableArn], appendedKeys);
    this.allow(AUTHENTICATE, [appendKey.keyArn]);
  }

  private allowTargets({ naming, place, spokes }: Hub) {
    this.allow(["secretsmanager:ListSecretVersionIds"], [naming.secretsArn(place)]);
    acceptResource(this.role, naming.secretsArn(place), "When its versions were made, of any credential. No values.");
    const functions = spokes.flatMap((spoke) =>
      spoke.networks.map((network) => naming.functionArn(spoke.place, naming.rotate(network.name))),
    );
    this.allow(["lambda:InvokeFunction"], functions);
  }
}
