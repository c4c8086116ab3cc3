import { type Stack, Token } from "aws-cdk-lib";
import { names } from "../lib/catalog.ts";
import type { NetworkConfig, Settled } from "./config.ts";

/** An account and region, as literals or as the tokens of a stack that is not tied to one. */
export type Place = { readonly partition: string; readonly account: string; readonly region: string };

export const placeOf = (stack: Stack): Place => ({
  partition: stack.partition,
  account: stack.account,
  region: stack.region,
});

export const isSame = (a: Place, b: Place): boolean =>
  (Token.isUnresolved(a.account) && Token.isUnresolved(b.account)) || a.account === b.account;

/** Names and ARNs that one stack gives and another needs, so that stacks of different accounts need no exports. */
export const naming = (prefix: string) => {
  const own = names(prefix);
  const arn = (service: string, { partition, account, region }: Place, resource: string) =>
    `arn:${partition}:${service}:${region}:${account}:${resource}`;
  return {
    ...own,
    ledgerTableArn: (hub: Place) => arn("dynamodb", hub, `table/${own.ledgerTable}`),
    stateTableArn: (hub: Place) => arn("dynamodb", hub, `table/${own.stateTable}`),
    appendKeyAliasArn: (hub: Place) => arn("kms", hub, own.appendKeyAlias),
    keysArn: (hub: Place) => arn("kms", hub, "key/*"),
    queueArn: (hub: Place, queue: string) => arn("sqs", hub, queue),
    functionArn: (place: Place, name: string) => arn("lambda", place, `function:${name}`),
    busArn: (place: Place) => arn("events", place, "event-bus/default"),
    ruleArn: (place: Place, rule: string) => arn("events", place, `rule/${rule}`),
    secretsArn: (place: Place) => arn("secretsmanager", place, "secret:*"),
    /** Role names carry the region: IAM is global, and a hub or spoke may stand in several regions. */
    role: (name: string, { region }: Place) => `${name}-${region}`,
    roleArn: ({ partition, account, region }: Place, name: string) =>
      `arn:${partition}:iam::${account}:role/${name}-${region}`,
    signalRule: (source: string) => `${prefix}-signal-${source}`,
    forwarder: `${prefix}-forward`,
  };
};
export type Naming = ReturnType<typeof naming>;

/** A spoke with every default filled in. */
export type Spoke = { readonly place: Place; readonly networks: readonly NetworkConfig[] };

/** Which spokes a config names; without any, the hub is its own. */
export const spokesOf = ({ spokes, networks }: Settled, hub: Place): readonly Spoke[] =>
  spokes?.map(({ account, region, networks: own }) => ({
    place: { partition: hub.partition, account, region },
    networks: own ?? networks,
  })) ?? [{ place: hub, networks }];
