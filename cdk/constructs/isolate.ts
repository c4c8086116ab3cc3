import { Duration } from "aws-cdk-lib";
import { ArnPrincipal } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { isolateGrants } from "../../lib/catalog.ts";
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
  readonly isolate: NonNullable<Settled["isolate"]>;
};

/** Throttles functions of its account to nothing and stops tasks, where the config names them. */
export class IsolateFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { config, naming, place, hub, isolate }: Props) {
    super(scope, id, {
      config,
      entry: "isolate",
      name: naming.isolate,
      description: "Rekey: throttles functions and stops tasks of an incident",
      timeout: Duration.seconds(30),
      memory: 512,
      environment: { REKEY_ISOLATE: JSON.stringify(isolate) },
    });
    if (!isSame(place, hub)) {
      this.lambda.addPermission("Respond", { principal: new ArnPrincipal(naming.roleArn(hub, naming.respond)) });
    }
    const setting = { ...place, prefix: config.prefix, network: "" };
    for (const grant of isolateGrants(isolate).map((one) => filled(one, setting))) {
      this.allowFilled(grant);
      for (const resource of grant.resources.filter((arn) => arn.includes("*"))) {
        acceptResource(
          this.role,
          resource,
          "The config names by this pattern what Rekey may isolate; a task has no name.",
        );
      }
    }
  }
}
