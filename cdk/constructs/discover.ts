import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { Construct } from "constructs";
import { acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { APPEND, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";

/** Keeps the index from identifiers to credentials, so that an incident needs no search. */
export class DiscoverFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming, place, spokes } = hub;
    super(scope, id, {
      config,
      entry: "discover",
      name: naming.discover,
      description: "Rekey: keeps the inventory of credentials",
      timeout: Duration.minutes(5),
      memory: 512,
    });
    const target = new LambdaFunction(this.lambda);
    new Rule(this, "Regularly", {
      ruleName: `${naming.discover}-regularly`,
      description: "Indexes every tagged secret",
      schedule: Schedule.rate(Duration.minutes(15)),
      targets: [target],
    });
    new Rule(this, "OnNewVersion", {
      ruleName: `${naming.discover}-on-new-version`,
      description: "Indexes a secret as soon as it has a new current version",
      eventPattern: {
        source: ["aws.secretsmanager"],
        detailType: ["Secret Label Updated"],
        detail: { labelUpdated: ["AWSCURRENT"] },
      },
      targets: [target],
    });
    this.allow(["secretsmanager:ListSecrets"], ["*"]);
    acceptResource(
      this.role,
      "*",
      "ListSecrets lists an account: AWS takes no narrower resource. It returns no values.",
    );
    acceptResource(this.role, naming.secretsArn(place), "To tell from its tags whether a secret is a credential.");
    // Unconditioned: label events come of every secret, and which of them are ours only their tags tell.
    this.allow(["secretsmanager:DescribeSecret"], [naming.secretsArn(place)]);
    this.allow(["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem"], [hub.state.tableArn]);
    this.allow(APPEND, [hub.ledger.tableArn], appendedKeys);
    const functions = spokes.flatMap((spoke) =>
      spoke.networks.map((network) => naming.functionArn(spoke.place, naming.rotate(network.name))),
    );
    this.allow(["lambda:InvokeFunction"], functions);
  }
}
