import { Duration } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { organizationGrants } from "../../lib/catalog.ts";
import { acceptResource } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import type { Hub } from "../hub-stack.ts";
import { RekeyFunction } from "./function.ts";

type Props = { readonly hub: Hub; readonly quarantine: NonNullable<Settled["quarantine"]>; readonly policyArn: string };

/** Denies principals of member accounts by editing the one service control policy that the config names. */
export class OrganizationFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { hub, quarantine: { roles, users }, policyArn }: Props) {
    const { config, naming, state } = hub;
    super(scope, id, {
      config,
      entry: "organization",
      name: naming.organization,
      description: "Rekey: denies principals of an incident by the organisation's policy",
      timeout: Duration.seconds(30),
      memory: 512,
      environment: { REKEY_ORGANIZATION: JSON.stringify({ policyArn, roles, users }) },
    });
    for (const { actions, resources } of organizationGrants(policyArn)) {
      this.allow(actions, resources);
      for (const resource of resources.filter((arn) => arn.includes("*"))) {
        acceptResource(this.role, resource, "It asks of any account and unit of the organisation what is above it.");
      }
    }
    this.allow(["dynamodb:UpdateItem"], [state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["LOCK#policy:*"] },
    });
  }
}
