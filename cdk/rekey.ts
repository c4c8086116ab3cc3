import { Token } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { Settled } from "./config.ts";
import { HubStack } from "./hub-stack.ts";
import { placeOf, spokesOf } from "./naming.ts";
import { SpokeStack } from "./spoke-stack.ts";

/** The stacks of a config: `<prefix>-hub`, and a `<prefix>-spoke` per account with workloads. */
export const addRekey = (scope: Construct, config: Settled) => {
  const hub = new HubStack(scope, `${config.prefix}-hub`, { config, ...(config.env && { env: config.env }) });
  const place = placeOf(hub);
  const spokes = spokesOf(config, place).map(({ place: at, networks }) => {
    const isNamed = config.spokes !== undefined && !Token.isUnresolved(at.account);
    const id = isNamed ? `${config.prefix}-spoke-${at.account}` : `${config.prefix}-spoke`;
    const env = isNamed ? { account: at.account, region: at.region } : config.env;
    const spoke = new SpokeStack(scope, id, { config, hub: place, networks, ...(env && { env }) });
    spoke.addStackDependency(hub);
    return spoke;
  });
  return { hub, spokes };
};
