import { Arn, ArnFormat, type Duration, SecretValue, Stack, Tags } from "aws-cdk-lib";
import type { Grant, IGrantable, IRole } from "aws-cdk-lib/aws-iam";
import { CfnRotationSchedule, Secret, type SecretProps } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { names, type RotatorKind } from "../../lib/catalog.ts";
import {
  credentialTags,
  type FirstValue,
  firstValue,
  type MaterialTemplate,
  rotatorOf,
  type TargetTags,
  targetTags,
} from "./credential-kind.ts";
import { scheduleExpression } from "./schedule.ts";

export type RotatedSecretProps<K extends RotatorKind = RotatorKind> = {
  readonly kind: K;
  /** Who authenticates with it: the workload's role, or a name of yours. */
  readonly workload: IRole | string;
  /** A Duration, `rate(…)` or `cron(…)` in UTC; at most every 4 hours, as Secrets Manager keeps it. */
  readonly schedule: Duration | string;
  /** Where the target is, by the kind's own fields. */
  readonly target: TargetTags<K>;
  /** The secret's JSON without its secret part. */
  readonly material?: MaterialTemplate<K>;
  /** The network whose rotate function reaches the target. */
  readonly network?: string;
  /** Never contained automatically. People still may. */
  readonly protected?: boolean;
  readonly secretName?: string;
  readonly description?: string;
  /** The prefix that Rekey was deployed with. */
  readonly prefix?: string;
  /** Rotate when the schedule is made or changed, and not only when it is due. */
  readonly rotateImmediately?: boolean;
};

/** Left out of generated passwords: what connection strings, shells and JSON treat as their own. */
const EXCLUDED = " %+~`#$&*()|[]{}:;<>?!'/@\"\\,=^";

const valued = (value: FirstValue): SecretProps =>
  "plain" in value
    ? { secretStringValue: SecretValue.unsafePlainText(value.plain) }
    : {
        generateSecretString: {
          secretStringTemplate: value.template,
          generateStringKey: value.generated,
          passwordLength: 32,
          excludeCharacters: EXCLUDED,
        },
      };

/**
 * A credential that Rekey rotates and revokes: its secret, the tags that say what it is, and its schedule. Its network's
 * rotate function is found by name, so it may stand in any app of the same account and region.
 */
export class RotatedSecret<const K extends RotatorKind> extends Construct {
  readonly secret: Secret;

  constructor(scope: Construct, id: string, props: RotatedSecretProps<K>) {
    super(scope, id);
    const { network = "default", prefix = "rekey", workload } = props;
    const { value, tags, expression } = this.checked(() => {
      const rotator = rotatorOf(props.kind);
      const target = targetTags(rotator, props.target);
      return {
        value: firstValue(rotator, props.material ?? {}),
        expression: scheduleExpression(props.schedule),
        tags: credentialTags({
          kind: props.kind,
          workload: typeof workload === "string" ? workload : workload.roleArn,
          network,
          protected: String(props.protected ?? false),
          ...target,
        }),
      };
    });
    this.secret = new Secret(this, "Secret", {
      secretName: props.secretName,
      description: props.description ?? `Rotated by Rekey: ${props.kind}`,
      ...valued(value),
    });
    for (const [key, tag] of Object.entries(tags)) Tags.of(this.secret).add(key, tag);
    new CfnRotationSchedule(this, "Schedule", {
      secretId: this.secret.secretArn,
      rotationLambdaArn: this.rotateFunction(names(prefix).rotate(network)),
      rotationRules: { scheduleExpression: expression },
      rotateImmediatelyOnUpdate: props.rotateImmediately ?? true,
    });
  }

  /** Lets the workload read its credential. */
  grantRead(reader: IGrantable): Grant {
    return this.secret.grantRead(reader);
  }

  private rotateFunction(resourceName: string): string {
    const parts = { service: "lambda", resource: "function", resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME };
    return Arn.format(parts, Stack.of(this));
  }

  /** Says which construct it was. */
  private checked<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`RotatedSecret ${this.node.path}: ${why}`, { cause: error });
    }
  }
}
