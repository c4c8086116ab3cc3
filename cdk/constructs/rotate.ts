import { Duration } from "aws-cdk-lib";
import { ArnPrincipal, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { rotators, tagPrefix } from "../../lib/catalog.ts";
import { acceptResource, acceptRotators, acceptTaggedSecrets } from "../acknowledged.ts";
import type { NetworkConfig, Settled } from "../config.ts";
import { filled } from "../grants.ts";
import { isSame, type Naming, type Place } from "../naming.ts";
import { APPEND, AUTHENTICATE, appendedKeys, TURNS, turnKeys } from "./append.ts";
import { RekeyFunction } from "./function.ts";

type RotateProps = {
  readonly config: Settled;
  readonly naming: Naming;
  readonly place: Place;
  readonly hub: Place;
  readonly network: NetworkConfig;
};

/** What a network may rotate: every kind of the catalog, or those that its config lists. */
const rotatorsOf = ({ kinds }: NetworkConfig) => rotators.filter(({ kind }) => kinds?.includes(kind) ?? true);

/** Reaches the targets of one network: Secrets Manager's four steps, and the hub's commands. */
export class RotateFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, props: RotateProps) {
    const { config, naming, network, place, hub } = props;
    super(scope, id, {
      config,
      entry: "rotate",
      name: naming.rotate(network.name),
      description: `Rekey: rotates and revokes what network ${network.name} reaches`,
      timeout: Duration.minutes(5),
      memory: 512,
      environment: {
        REKEY_NETWORK: network.name,
        ...(!isSame(place, hub) && {
          REKEY_LEDGER_TABLE: naming.ledgerTableArn(hub),
          REKEY_STATE_TABLE: naming.stateTableArn(hub),
          REKEY_APPEND_KEY: naming.appendKeyAliasArn(hub),
        }),
      },
      vpc: network.vpc,
    });
    this.lambda.addPermission("SecretsManager", {
      principal: new ServicePrincipal("secretsmanager.amazonaws.com"),
      sourceAccount: place.account,
    });
    if (!isSame(place, hub)) this.admit(naming, hub);
    this.allowSecrets(props);
    this.allowHub(props);
    const setting = { ...place, prefix: config.prefix, network: network.name };
    const own = rotatorsOf(network);
    for (const grant of own.flatMap(({ grants }) => [...grants])) this.allowFilled(filled(grant, setting));
    acceptRotators(this.role, setting, own);
    acceptTaggedSecrets(this.role, naming.secretsArn(place));
  }

  private admit(naming: Naming, hub: Place) {
    for (const name of [naming.respond, naming.discover, naming.clock]) {
      this.lambda.addPermission(name, { principal: new ArnPrincipal(naming.roleArn(hub, name)) });
    }
  }

  /** Only secrets that name this network, and writing only to those that name a kind: a target's admin secret has none. */
  private allowSecrets({ naming, place, network }: RotateProps) {
    const secrets = [naming.secretsArn(place)];
    const named = { StringEquals: { [`aws:ResourceTag/${tagPrefix}network`]: network.name } };
    this.allow(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], secrets, named);
    const written = { ...named, Null: { [`aws:ResourceTag/${tagPrefix}kind`]: "false" } };
    this.allow(["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"], secrets, written);
    // Withholds a replacement from a session that was seen: lib/core/withheld.ts.
    this.allow(
      ["secretsmanager:DeleteResourcePolicy", "secretsmanager:GetResourcePolicy", "secretsmanager:PutResourcePolicy"],
      secrets,
      written,
    );
  }

  private allowHub({ naming, place, hub }: RotateProps) {
    this.allow(APPEND, [naming.ledgerTableArn(hub)], appendedKeys);
    const keys = naming.keysArn(hub);
    this.allow(AUTHENTICATE, [keys], {
      "ForAnyValue:StringEquals": { "kms:ResourceAliases": [naming.appendKeyAlias] },
    });
    acceptResource(this.role, keys, "Held to the hub's append key by its alias: the key's own id is the hub stack's.");
    this.allow(TURNS, [naming.stateTableArn(hub)], turnKeys);
    this.allow(["events:PutEvents"], [naming.busArn(place)]);
  }
}
