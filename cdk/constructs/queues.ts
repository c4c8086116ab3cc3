import { Duration } from "aws-cdk-lib";
import { AccountPrincipal, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Queue, QueueEncryption, type QueueProps } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { ruled } from "../../lib/catalog.ts";
import { acceptNoRedrive } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import { isSame, type Naming, type Place, type Spoke } from "../naming.ts";

const kept = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: Duration.days(14) } as const;

/** A queue of ours: encrypted, TLS only, kept for the longest time that SQS keeps anything. */
export const queue = (scope: Construct, id: string, props: QueueProps): Queue =>
  new Queue(scope, id, { ...kept, ...props });

type QueuesProps = {
  readonly config: Settled;
  readonly naming: Naming;
  readonly place: Place;
  readonly spokes: readonly Spoke[];
  readonly respondTimeout: Duration;
};

/** `signals` feeds respond, `rejected` holds what it could not answer, `spool` events that the ledger did not take. */
export class Queues extends Construct {
  readonly signals: Queue;
  readonly rejected: Queue;
  readonly spool: Queue;

  constructor(scope: Construct, id: string, { config, naming, place, spokes, respondTimeout }: QueuesProps) {
    super(scope, id);
    this.rejected = queue(this, "Rejected", { queueName: naming.rejectedQueue });
    this.signals = queue(this, "Signals", {
      queueName: naming.signalQueue,
      // Just past the longest run and its lease (125 s): a run that died is resumed then. AWS advises six times the timeout
      // so that throttled batches are not delivered twice; here a second delivery finds the claim, and a late one costs.
      visibilityTimeout: Duration.seconds(respondTimeout.toSeconds() + 10),
      deadLetterQueue: { queue: this.rejected, maxReceiveCount: 20 },
    });
    this.spool = queue(this, "Spool", { queueName: naming.spoolQueue, visibilityTimeout: Duration.minutes(6) });
    acceptNoRedrive(this.spool, "An event stays until it is appended, for 14 days; an alarm tells that it waits.");
    for (const spoke of spokes) {
      if (isSame(spoke.place, place)) this.admitRules(config, naming, spoke.place);
      else this.admitAccount(naming, spoke.place, config.organization);
    }
  }

  private admitRules(config: Settled, naming: Naming, place: Place) {
    this.signals.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal("events.amazonaws.com")],
        actions: ["sqs:SendMessage"],
        resources: [this.signals.queueArn],
        conditions: {
          ArnEquals: {
            "aws:SourceArn": ruled(config).map(({ name }) => naming.ruleArn(place, naming.signalRule(name))),
          },
        },
      }),
    );
  }

  /** Across accounts EventBridge acts under a role of the sender's (user guide, eb-service-cross-account). */
  private admitAccount(naming: Naming, place: Place, organization: string | undefined) {
    this.signals.addToResourcePolicy(
      new PolicyStatement({
        principals: [new AccountPrincipal(place.account)],
        actions: ["sqs:SendMessage"],
        resources: [this.signals.queueArn],
        conditions: {
          ArnEquals: {
            "aws:PrincipalArn": [naming.forwarder, naming.reconcile].map((name) => naming.roleArn(place, name)),
          },
          ...(organization && { StringEquals: { "aws:PrincipalOrgID": organization } }),
        },
      }),
    );
  }
}
