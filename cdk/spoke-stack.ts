import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import { type CfnRule, type IRuleTarget, Rule } from "aws-cdk-lib/aws-events";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { ruled } from "../lib/catalog.ts";
import { acceptNoRedrive } from "./acknowledged.ts";
import type { Settled } from "./config.ts";
import { Alarms } from "./constructs/alarms.ts";
import { IsolateFunction } from "./constructs/isolate.ts";
import { LookRole } from "./constructs/look.ts";
import { QuarantineFunction } from "./constructs/quarantine.ts";
import { queue } from "./constructs/queues.ts";
import { ReconcileFunction } from "./constructs/reconcile.ts";
import { RotateFunction } from "./constructs/rotate.ts";
import { isSame, type Naming, naming, type Place, placeOf, type Spoke } from "./naming.ts";

/** A source that EventBridge brings, as the catalog has it. */
type Brought = {
  readonly name: string;
  readonly title: string;
  readonly readOnly?: true;
  readonly pattern: {
    readonly source: readonly string[];
    readonly "detail-type": readonly string[];
    readonly detail?: Readonly<Record<string, unknown>>;
  };
};

type SpokeProps = StackProps & {
  readonly config: Settled;
  /** Where the hub is, and what is reached from here. */
  readonly hub: Place;
  readonly networks: Spoke["networks"];
};

/** One per account with workloads: rules that carry its signals to the hub, and a rotate function per network. */
export class SpokeStack extends Stack {
  constructor(scope: Construct, id: string, { config, hub, networks, ...props }: SpokeProps) {
    super(scope, id, { description: "Rekey: signals to the hub, and the reach to targets", ...props });
    const own = naming(config.prefix);
    const place = placeOf(this);
    const lost = this.addRules(config, own, place, hub);
    const rotates = networks.map((network) => {
      const name = network.name;
      return [
        `rotate-${name}`,
        new RotateFunction(this, `Rotate-${name}`, { config, naming: own, place, hub, network }).lambda,
      ] as const;
    });
    if (!isSame(place, hub)) new LookRole(this, "Look", { config, naming: own, place, hub });
    const { quarantine, isolate } = config;
    const isolating = isolate
      ? new IsolateFunction(this, "Isolate", { config, naming: own, place, hub, isolate }).lambda
      : undefined;
    const denying = quarantine
      ? new QuarantineFunction(this, "Quarantine", { config, naming: own, place, hub, quarantine }).lambda
      : undefined;
    const { urlSuffix } = this;
    const reconcile =
      config.reconcile.length > 0
        ? new ReconcileFunction(this, "Reconcile", { config, naming: own, place, hub, urlSuffix }).lambda
        : undefined;
    new Alarms(this, "Alarms", {
      prefix: config.prefix,
      topicArn: isSame(place, hub) ? config.alarmTopicArn : undefined,
      empty: Object.fromEntries(
        lost.map((dead) => [`Signals that EventBridge could not put into the hub's queue (${dead.node.id}).`, dead]),
      ),
      functions: {
        ...Object.fromEntries(rotates),
        ...(reconcile && { reconcile }),
        ...(denying && { quarantine: denying }),
        ...(isolating && { isolate: isolating }),
      },
    });
  }

  /** One per source that EventBridge brings; the others come by a channel. */
  private addRules(config: Settled, own: Naming, place: Place, hub: Place): readonly Queue[] {
    const role = isSame(place, hub) ? undefined : this.forwarder(own, place, hub);
    const all: readonly Brought[] = ruled(config);
    return all.map(({ name, title, pattern, readOnly }) => {
      const lost = this.lostQueue(own, place, name);
      const target: IRuleTarget = {
        bind: () => ({
          arn: own.queueArn(hub, own.signalQueue),
          deadLetterConfig: { arn: lost.queueArn },
          retryPolicy: { maximumEventAgeInSeconds: Duration.days(1).toSeconds(), maximumRetryAttempts: 185 },
          ...(role && { role }),
        }),
      };
      const { source, detail, "detail-type": detailType } = pattern;
      const rule = new Rule(this, `signal-${name}`, {
        ruleName: own.signalRule(name),
        description: `Rekey signals: ${title}`,
        eventPattern: { source: [...source], detailType: [...detailType], ...(detail && { detail }) },
        targets: [target],
      });
      // docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html; the L2 knows on and off only.
      if (readOnly) (rule.node.defaultChild as CfnRule).state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
      return lost;
    });
  }

  /** Where EventBridge puts what it could not deliver. */
  private lostQueue(own: Naming, place: Place, source: string): Queue {
    const ruleName = own.signalRule(source);
    const lost = queue(this, `lost-${source}`, { queueName: `${ruleName}-lost` });
    acceptNoRedrive(lost, "It is where EventBridge puts what it could not deliver.");
    lost.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal("events.amazonaws.com")],
        actions: ["sqs:SendMessage"],
        resources: [lost.queueArn],
        conditions: { ArnEquals: { "aws:SourceArn": own.ruleArn(place, ruleName) } },
      }),
    );
    return lost;
  }

  /** EventBridge crosses accounts under a role of the sending one. */
  private forwarder(own: Naming, place: Place, hub: Place): Role {
    const role = new Role(this, "Forward", {
      roleName: own.role(own.forwarder, place),
      assumedBy: new ServicePrincipal("events.amazonaws.com"),
    });
    role.addToPolicy(
      new PolicyStatement({ actions: ["sqs:SendMessage"], resources: [own.queueArn(hub, own.signalQueue)] }),
    );
    return role;
  }
}
