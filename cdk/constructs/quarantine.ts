import { Duration } from "aws-cdk-lib";
import { ArnPrincipal } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { quarantineGrants } from "../../lib/catalog.ts";
import { acceptResource } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import { filled } from "../grants.ts";
import { isSame, type Naming, type Place } from "../naming.ts";
import { RekeyFunction } from "./function.ts";

type Props = {
  readonly config: Settled;
  readonly naming: Naming;
  readonly place: Place;
  readonly hub: Place;
  readonly quarantine: NonNullable<Settled["quarantine"]>;
};

/** Denies roles and users of its account that the config names, by an inline policy for each incident. */
export class QuarantineFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { config, naming, place, hub, quarantine }: Props) {
    super(scope, id, {
      config,
      entry: "quarantine",
      name: naming.quarantine,
      description: "Rekey: denies roles and users of an incident",
      timeout: Duration.seconds(30),
      memory: 512,
      environment: { REKEY_QUARANTINE: JSON.stringify({ roles: quarantine.roles, users: quarantine.users }) },
    });
    if (!isSame(place, hub)) {
      this.lambda.addPermission("Respond", { principal: new ArnPrincipal(naming.roleArn(hub, naming.respond)) });
    }
    const setting = { ...place, prefix: config.prefix, network: "" };
    for (const grant of quarantineGrants(quarantine).map((one) => filled(one, setting))) {
      this.allowFilled(grant);
      for (const resource of grant.resources.filter((arn) => arn.includes("*"))) {
        acceptResource(this.role, resource, "The config names by this pattern whom Rekey may deny.");
      }
    }
  }
}
