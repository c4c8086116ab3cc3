import { SecretValue, Tags, Validations } from "aws-cdk-lib";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { tagPrefix } from "../../lib/catalog.ts";

export type AdminSecretProps = {
  readonly secretName: string;
  /** The network whose rotate function may read it. */
  readonly network?: string;
  readonly description?: string;
};

/**
 * Holds the login with which a network's rotate function administers a target. Made empty: put its JSON with
 * `aws secretsmanager put-secret-value`, so that it is in no template. Rekey reads it and never writes it.
 */
export class AdminSecret extends Construct {
  readonly secret: Secret;

  constructor(scope: Construct, id: string, { secretName, network = "default", description }: AdminSecretProps) {
    super(scope, id);
    this.secret = new Secret(this, "Secret", {
      secretName,
      description: description ?? `Administers targets for Rekey in network ${network}; put its value by hand`,
      secretStringValue: SecretValue.unsafePlainText("{}"),
    });
    Tags.of(this.secret).add(`${tagPrefix}network`, network);
    Validations.of(this.secret).acknowledge({
      id: "AwsSolutions-SMG4",
      reason: "The login that rotates others: whoever administers the target changes it, by hand and rarely.",
    });
  }
}
