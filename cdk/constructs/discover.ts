import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { Construct } from "constructs";
import { CHANGES } from "../../lib/catalog.ts";
import { acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { isSame, type Place, type Spoke } from "../naming.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";
import { looks } from "./look.ts";

const othersOf = (spokes: readonly Spoke[], hub: Place): readonly Place[] =>
  spokes.map(({ place }) => place).filter((place) => !isSame(place, hub));

/** Keeps the index from identifiers to credentials, so that an incident needs no search. */
export class DiscoverFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming, spokes, place } = hub;
    const others = othersOf(spokes, place);
    super(scope, id, {
      config,
      entry: "discover",
      name: naming.discover,
      description: "Rekey: keeps the inventory of credentials",
      timeout: Duration.minutes(15),
      memory: 1024,
      ...(others.length > 0 && { environment: { REKEY_ACCOUNTS: others.map(({ account }) => account).join(" ") } }),
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
    this.watchIdentities(hub, target);
    this.look(hub);
    this.allow(
      ["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
      [hub.state.tableArn],
    );
    this.allow(["dynamodb:Query"], [`${hub.state.tableArn}/index/list`]);
    this.allow(APPEND, [hub.ledger.tableArn], appendedKeys);
    this.allow(AUTHENTICATE, [hub.appendKey.keyArn]);
    const functions = spokes.flatMap((spoke) =>
      spoke.networks.map((network) => naming.functionArn(spoke.place, naming.rotate(network.name))),
    );
    this.allow(["lambda:InvokeFunction"], functions);
  }

  /** Who runs as what is known as soon as it changes; what policies allow, when the account is looked at again. */
  private watchIdentities({ naming }: Hub, target: LambdaFunction) {
    new Rule(this, "OnChangedIdentity", {
      ruleName: `${naming.discover}-on-changed-identity`,
      description: "Takes in who runs as which role, and that policies changed",
      eventPattern: {
        detailType: ["AWS API Call via CloudTrail"],
        source: Object.keys(CHANGES).map((service) => `aws.${service.split(".")[0]}`),
        detail: { eventSource: Object.keys(CHANGES), eventName: Object.values(CHANGES).flat() },
      },
      targets: [target],
    });
  }

  /** The hub's own account by its own role, every other by a role there that only this one may take. */
  private look({ naming, place, spokes }: Hub) {
    for (const { actions, resources, why } of looks(naming, place)) {
      this.allow(actions, resources);
      for (const resource of resources) acceptResource(this.role, resource, why);
    }
    const others = othersOf(spokes, place).map((other) => naming.roleArn(other, naming.look));
    if (others.length > 0) this.allow(["sts:AssumeRole"], others);
  }
}
