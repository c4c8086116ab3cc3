import { RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Alias, Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import type { Settled } from "../config.ts";
import type { Naming, Place } from "../naming.ts";

type Props = { readonly config: Settled; readonly naming: Naming; readonly place: Place };

/** KMS rotates no asymmetric key by itself: a new one is another key, with a number of its own. */
const keyOf = (scope: Construct, number: number, { config, naming, place }: Props): Key => {
  const isOver = number < Math.min(...config.ledgerKeys);
  // The first was there before keys had numbers.
  const key = new Key(scope, number === 1 ? "SigningKey" : `SigningKey${number}`, {
    description: "Rekey: signs the ledger's checkpoints (Ed25519)",
    keySpec: KeySpec.ECC_NIST_EDWARDS25519,
    keyUsage: KeyUsage.SIGN_VERIFY,
    removalPolicy: config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    ...(isOver && { enabled: false }),
  });
  key.addToResourcePolicy(
    new PolicyStatement({
      sid: "OnlySealSigns",
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ["kms:Sign"],
      resources: ["*"],
      conditions: { ArnNotEquals: { "aws:PrincipalArn": naming.roleArn(place, naming.seal) } },
    }),
  );
  return key;
};

/**
 * The log's keys that sign: one, or two while the second takes over. Those before them stay, disabled: a handover that
 * was ended too early is mended by letting the old key sign again.
 */
export const signingKeys = (scope: Construct, props: Props): readonly Key[] => {
  const { config, naming } = props;
  const numbers = Array.from({ length: Math.max(...config.ledgerKeys) }, (_, i) => i + 1);
  const keys = numbers.map((number) => ({ number, key: keyOf(scope, number, props) }));
  const signing = keys.filter(({ number }) => config.ledgerKeys.includes(number)).map(({ key }) => key);
  const aliases = [
    ["SigningKeyAlias", naming.ledgerKeyAlias],
    ["NextSigningKeyAlias", naming.nextLedgerKeyAlias],
  ] as const;
  for (const [i, targetKey] of signing.entries()) {
    const [id, aliasName] = aliases[i] ?? aliases[1];
    new Alias(scope, id, { aliasName, targetKey });
  }
  return signing;
};
