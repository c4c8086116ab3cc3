import { RemovalPolicy } from "aws-cdk-lib";
import { AccountPrincipal, AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Alias, Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import type { Settled } from "../config.ts";
import { isSame, type Naming, type Place, type Spoke } from "../naming.ts";
import { AUTHENTICATE } from "./append.ts";

type Props = {
  readonly config: Settled;
  readonly naming: Naming;
  readonly place: Place;
  readonly spokes: readonly Spoke[];
};

/** The hub's functions that append. */
const appenders = ({ config, naming }: Props): readonly string[] => {
  const { respond, seal, discover, clock, project, watch, refresh, notify, drill } = naming;
  return [
    respond,
    seal,
    discover,
    clock,
    project,
    watch,
    ...(Object.keys(config.consumers).length > 0 ? [refresh] : []),
    ...(config.notify.length > 0 ? [notify] : []),
    ...(config.drill ? [drill] : []),
  ];
};

const rotators = (naming: Naming, { place, networks }: Spoke): readonly string[] =>
  networks.map(({ name }) => naming.roleArn(place, naming.rotate(name)));

/** Authenticates what is appended to the ledger, for the functions that append and the sealer, and for nobody else. */
export const appendKey = (scope: Construct, props: Props): Key => {
  const { config, naming, place, spokes } = props;
  const key = new Key(scope, "AppendKey", {
    description: "Rekey: authenticates what is appended to the ledger (HMAC)",
    keySpec: KeySpec.HMAC_256,
    keyUsage: KeyUsage.GENERATE_VERIFY_MAC,
    removalPolicy: config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
  });
  const known = [
    ...appenders(props).map((name) => naming.roleArn(place, name)),
    ...spokes.flatMap((spoke) => rotators(naming, spoke)),
  ];
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: "OnlyAppendersAuthenticate",
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: [...AUTHENTICATE],
      resources: ["*"],
      conditions: { ArnNotEquals: { "aws:PrincipalArn": known } },
    }),
  );
  for (const spoke of spokes.filter((one) => !isSame(one.place, place))) {
    key.addToResourcePolicy(
      new PolicyStatement({
        principals: [new AccountPrincipal(spoke.place.account)],
        actions: [...AUTHENTICATE],
        resources: ["*"],
        conditions: { ArnEquals: { "aws:PrincipalArn": rotators(naming, spoke) } },
      }),
    );
  }
  new Alias(scope, "AppendKeyAlias", { aliasName: naming.appendKeyAlias, targetKey: key });
  return key;
};
