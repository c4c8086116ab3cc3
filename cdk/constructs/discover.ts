import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import type { Construct } from "constructs";
import { CHANGES } from "../../lib/catalog.ts";
import { acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";

/** They list an account: AWS takes no narrower resource (service authorization reference, each service's actions). */
const LISTINGS = [
  "iam:GetAccountAuthorizationDetails",
  "lambda:ListFunctions",
  "ecs:ListTaskDefinitionFamilies",
  "ecs:DescribeTaskDefinition",
  "eks:ListClusters",
  "cloudtrail:LookupEvents",
] as const;

/** Keeps the index from identifiers to credentials, so that an incident needs no search. */
export class DiscoverFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming, spokes } = hub;
    super(scope, id, {
      config,
      entry: "discover",
      name: naming.discover,
      description: "Rekey: keeps the inventory of credentials",
      timeout: Duration.minutes(15),
      memory: 1024,
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
    this.readSecrets(hub);
    this.allow(
      ["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
      [hub.state.tableArn],
    );
    this.allow(["dynamodb:Query"], [`${hub.state.tableArn}/index/list`]);
    this.readIdentities(hub);
    this.allow(APPEND, [hub.ledger.tableArn], appendedKeys);
    this.allow(AUTHENTICATE, [hub.appendKey.keyArn]);
    const functions = spokes.flatMap((spoke) =>
      spoke.networks.map((network) => naming.functionArn(spoke.place, naming.rotate(network.name))),
    );
    this.allow(["lambda:InvokeFunction"], functions);
  }

  private readSecrets({ naming, place }: Hub) {
    this.allow(["secretsmanager:ListSecrets"], ["*"]);
    acceptResource(
      this.role,
      "*",
      "ListSecrets lists an account: AWS takes no narrower resource. It returns no values.",
    );
    acceptResource(this.role, naming.secretsArn(place), "To tell from its tags whether a secret is a credential.");
    // Unconditioned: label events come of every secret, and which of them are ours only their tags tell.
    this.allow(["secretsmanager:DescribeSecret"], [naming.secretsArn(place)]);
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

  /** Reads only, and no value: neither a secret's nor, past this call, a function's environment. */
  private readIdentities({ naming, place }: Hub) {
    this.allow([...LISTINGS], ["*"]);
    const users = `arn:${place.partition}:iam::${place.account}:user/*`;
    this.allow(["iam:ListAccessKeys"], [users]);
    this.allow(["secretsmanager:GetResourcePolicy"], [naming.secretsArn(place)]);
    const at = (service: string, resource: string) =>
      `arn:${place.partition}:${service}:${place.region}:${place.account}:${resource}`;
    const clusters = at("eks", "cluster/*");
    const associations = at("eks", "podidentityassociation/*");
    const keys = at("kms", "key/*");
    this.allow(["eks:DescribeCluster", "eks:ListPodIdentityAssociations"], [clusters]);
    this.allow(["eks:DescribePodIdentityAssociation"], [associations]);
    this.allow(["kms:DescribeKey", "kms:GetKeyPolicy"], [keys]);
    for (const resource of [users, clusters, associations, keys]) {
      acceptResource(this.role, resource, "Reads who there is, and by which policies: none of it is known beforehand.");
    }
  }
}
