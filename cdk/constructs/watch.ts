import { Duration } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { Construct } from "constructs";
import { acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";
import { readLog } from "./project.ts";

/** Looks after the sealed log from outside the sealer, reading only: is it alive, and is it whole. */
export class WatchFunction extends RekeyFunction {
  readonly happened: Readonly<Record<string, Metric>>;

  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming } = hub;
    super(scope, id, {
      config,
      entry: "watch",
      name: naming.watch,
      description: "Rekey: the ledger's heartbeat, its age, and all of it hashed anew each night",
      timeout: Duration.minutes(15),
      memory: 1024,
      environment: {
        ...(config.witnesses.length > 0 && { REKEY_WITNESSES: JSON.stringify(config.witnesses) }),
      },
    });
    const metric = (metricName: string) =>
      new Metric({
        namespace: "Rekey",
        metricName,
        dimensionsMap: { service: config.prefix },
        statistic: "Maximum",
        period: Duration.hours(1),
      });
    this.happened = {
      "ledger-stale": metric("StaleLedger"),
      "ledger-gaps": metric("MissingEvents"),
      ...(config.witnesses.length > 0 && {
        "ledger-uncosigned": metric("UncosignedCheckpoints"),
        "ledger-forked": metric("ForkedLedger"),
      }),
    };
    const rule = (name: string, description: string, schedule: Schedule, input: object) =>
      new Rule(this, name, {
        ruleName: `${naming.watch}-${name.toLowerCase()}`,
        description,
        schedule,
        targets: [new LambdaFunction(this.lambda, { event: RuleTargetInput.fromObject(input), retryAttempts: 2 })],
      });
    rule("Hourly", "A heartbeat in the ledger", Schedule.rate(Duration.hours(1)), {});
    rule("Nightly", "The whole log hashed anew", Schedule.cron({ hour: "3", minute: "17" }), { rehash: true });
    rule("Daily", "A day of CloudTrail compared with the ledger", Schedule.cron({ hour: "4", minute: "47" }), {
      reconcile: true,
    });
    this.allow([...APPEND, "dynamodb:Query"], [hub.ledger.tableArn], appendedKeys);
    this.allowComparing(hub);
    this.allow(AUTHENTICATE, [hub.appendKey.keyArn]);
    readLog(this, hub);
    this.allowKeeping(hub);
  }

  /** What was done to credentials, and whose they are. */
  private allowComparing({ state }: Hub) {
    this.allow(["cloudtrail:LookupEvents"], ["*"]);
    acceptResource(this.role, "*", "CloudTrail's event history has no resource. Nothing but reading it.");
    this.allow(["dynamodb:BatchGetItem", "dynamodb:Query"], [state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["CRED#*", "ID#*"] },
    });
  }

  /** One object beside each checkpoint. */
  private allowKeeping({ config, naming, place }: Hub) {
    if (config.witnesses.length === 0) return;
    const work = `arn:${place.partition}:s3:::${naming.workBucket(place.account, place.region)}`;
    const later = `${work}/shard/*/cosigned`;
    this.allow(["s3:GetObject", "s3:PutObject"], [`${work}/cosigned`, later]);
    acceptResource(this.role, later, "One object of each year of the log.");
  }
}
