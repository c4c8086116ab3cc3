import type { Duration } from "aws-cdk-lib";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Construct } from "constructs";
import { actions, rotators } from "../../lib/catalog.ts";
import { filled } from "../grants.ts";
import type { Hub } from "../hub-stack.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";

type RespondProps = { readonly hub: Hub; readonly timeout: Duration; readonly files: Readonly<Record<string, string>> };

const BY_PEOPLE = rotators.flatMap(({ kind, byPeople }) => (byPeople ? [kind] : [])).join(",");

/** Answers signals from the queue as they come, and people's orders through the CLI. */
export class RespondFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { hub, timeout, files }: RespondProps) {
    const { config, naming, queues } = hub;
    super(scope, id, {
      config,
      entry: "respond",
      name: naming.respond,
      description: "Rekey: answers signals by containing credentials",
      timeout,
      memory: 1024,
      environment: {
        REKEY_SIGNALS_URL: queues.signals.queueUrl,
        REKEY_REJECTED_URL: queues.rejected.queueUrl,
        REKEY_SPOOL_URL: queues.spool.queueUrl,
        REKEY_BY_PEOPLE: BY_PEOPLE,
        ...(config.quarantine && { REKEY_QUARANTINE: naming.quarantine }),
        ...(config.quarantine?.organization && { REKEY_ORGANIZATION: naming.organization }),
        ...(config.isolate && { REKEY_ISOLATE: naming.isolate }),
      },
      files,
    });
    // No batching window: an attacker is at work while it waits.
    this.lambda.addEventSource(new SqsEventSource(queues.signals, { batchSize: 10, reportBatchItemFailures: true }));
    this.allowStores(hub);
    this.allowTargets(hub);
  }

  private allowStores({ ledger, appendKey, state, queues }: Hub) {
    this.allow(APPEND, [ledger.tableArn], appendedKeys);
    this.allow(AUTHENTICATE, [appendKey.keyArn]);
    this.allow(
      ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
      [state.tableArn],
    );
    // Before it undoes one by itself it looks for others about the same credential or function, and for what people were
    // asked to end; their word strikes that off the list.
    this.allow(["dynamodb:Query"], [`${state.tableArn}/index/list`], {
      "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["INCIDENTS", "RETIRING"] },
    });
    this.allow(["dynamodb:DeleteItem"], [state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["RETIRE#*"] },
    });
    this.allow(
      [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
      ],
      [queues.signals.queueArn],
    );
    this.allow(["sqs:SendMessage"], [queues.rejected.queueArn, queues.spool.queueArn]);
  }

  private allowTargets({ config, naming, place, spokes }: Hub) {
    this.allow(["events:PutEvents"], [naming.busArn(place)]);
    if (config.quarantine?.organization) {
      this.allow(["lambda:InvokeFunction"], [naming.functionArn(place, naming.organization)]);
    }
    const deployed = actions.filter(
      ({ name }) => (name !== "quarantine" || config.quarantine) && (name !== "isolate" || config.isolate),
    );
    for (const spoke of spokes) {
      for (const { name: network } of spoke.networks) {
        for (const grant of deployed.flatMap(({ grants }) => grants)) {
          this.allowFilled(filled(grant, { ...spoke.place, prefix: config.prefix, network }));
        }
      }
    }
  }
}
