import { Duration } from "aws-cdk-lib";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { Construct } from "constructs";
import { polled } from "../../lib/catalog.ts";
import { acceptResource } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import { filled } from "../grants.ts";
import type { Naming, Place } from "../naming.ts";
import { RekeyFunction } from "./function.ts";

type ReconcileProps = {
  readonly config: Settled;
  readonly naming: Naming;
  readonly place: Place;
  readonly hub: Place;
  readonly urlSuffix: string;
};

/** Asks an account's detectors each hour what EventBridge may have lost. */
export class ReconcileFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { config, naming, place, hub, urlSuffix }: ReconcileProps) {
    super(scope, id, {
      config,
      entry: "reconcile",
      name: naming.reconcile,
      description: "Rekey: asks detectors what they saw, and queues what EventBridge may have lost",
      timeout: Duration.minutes(10),
      memory: 512,
      environment: {
        REKEY_RECONCILE: config.reconcile.join(" "),
        REKEY_SIGNALS_URL: `https://sqs.${hub.region}.${urlSuffix}/${hub.account}/${naming.signalQueue}`,
      },
    });
    for (const { poll } of polled().filter(({ name }) => config.reconcile.includes(name))) {
      for (const grant of poll.grants) {
        this.allowFilled(filled(grant, { ...place, prefix: config.prefix, network: "" }));
      }
    }
    acceptResource(
      this.role,
      "*",
      "Detectors' findings have no ARN that is known beforehand. Nothing but reading them.",
    );
    this.allow(["sqs:SendMessage"], [naming.queueArn(hub, naming.signalQueue)]);
    new Rule(this, "Hourly", {
      ruleName: `${naming.reconcile}-hourly`,
      description: "Asks detectors what they saw",
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [new LambdaFunction(this.lambda, { event: RuleTargetInput.fromObject({}), retryAttempts: 2 })],
    });
  }
}
