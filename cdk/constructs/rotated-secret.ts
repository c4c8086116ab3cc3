import { Annotations, Arn, ArnFormat, type Duration, SecretValue, Stack, Tags } from "aws-cdk-lib";
import type { Grant, IGrantable, IRole } from "aws-cdk-lib/aws-iam";
import { CfnRotationSchedule, Secret, type SecretProps } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { names, type RotatorKind } from "../../lib/catalog.ts";
import { consumerTags } from "./consumer-tags.ts";
import {
  credentialTags,
  type FirstValue,
  firstValue,
  type MaterialTemplate,
  rotatorOf,
  strategyOf,
  type TargetTags,
  targetTags,
} from "./credential-kind.ts";
import { checkKind, type Scheduled, type ScheduleProps, scheduled } from "./schedule.ts";

export type RotatedSecretProps<K extends RotatorKind = RotatorKind> = ScheduleProps & {
  readonly kind: K;
  /** Who authenticates with it: the workload's role, or a name of yours. */
  readonly workload: IRole | string;
  /** Where the target is, by the kind's own fields. */
  readonly target: TargetTags<K>;
  /** The secret's JSON without its secret part. */
  readonly material?: MaterialTemplate<K>;
  /** The network whose rotate function reaches the target. */
  readonly network?: string;
  /** Never contained automatically. People still may. */
  readonly protected?: boolean;
  /** A rotation never refuses its workload: kinds and targets with one slot only are refused, unless `acceptGap`. */
  readonly critical?: boolean;
  /** Of a critical credential with one login: the workload does without it until it has read the secret again. */
  readonly acceptGap?: boolean;
  /**
   * When the version that a rotation replaced has to die: once nobody uses it (`adopted`, the default), with the `next`
   * rotation, or so long after the rotation, in whole minutes.
   */
  readonly retire?: "adopted" | "next" | Duration;
  /**
   * Who has to be told to read it again after a rotation, in waves: `[["ecs:prod/canary"], ["ecs:prod/orders"]]`. Rekey's
   * config says which of them it may touch.
   */
  readonly consumers?: readonly (readonly string[])[];
  /** How many percent of a wave may fail without stopping the next ones. */
  readonly tolerateFailed?: number;
  readonly secretName?: string;
  readonly description?: string;
  /** The prefix that Rekey was deployed with. */
  readonly prefix?: string;
};

/** The form that lib/core/retiring.ts reads. */
const retireTag = (retire: "adopted" | "next" | Duration): string => {
  if (typeof retire === "string") return retire;
  const minutes = retire.toMinutes();
  if (minutes % 60 !== 0) return `${minutes} minutes`;
  return minutes % 1440 === 0 ? `${minutes / 1440} days` : `${minutes / 60} hours`;
};

/** People are asked by Rekey's clock: Secrets Manager would only see its rotation fail. */
const timingOf = ({ byPeople }: { readonly byPeople?: string }, props: RotatedSecretProps): Scheduled => {
  if (!byPeople) return scheduled(props);
  if (props.keeper !== "secrets-manager") return scheduled({ ...props, keeper: "clock" });
  throw new Error(`kind ${props.kind} is replaced by people, whom Secrets Manager cannot ask. Leave out keeper.`);
};

const refuseGap = ({ kind, critical, acceptGap }: RotatedSecretProps, target: Readonly<Record<string, string>>) => {
  if (!critical || acceptGap || strategyOf(kind, target) !== "single") return;
  throw new Error(
    `it is critical, and a rotation of kind ${kind} with this target refuses its workload until that reads the secret again. Give it two logins or slots (docs/reference/rotators.md), or set acceptGap.`,
  );
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
 * A credential that Rekey rotates and revokes (or, of some kinds, only revokes): its secret, the tags that say what it is, and its schedule. Its network's
 * rotate function is found by name, so it may stand in any app of the same account and region.
 */
export class RotatedSecret<const K extends RotatorKind> extends Construct {
  readonly secret: Secret;

  constructor(scope: Construct, id: string, props: RotatedSecretProps<K>) {
    super(scope, id);
    const { network = "default", prefix = "rekey", workload } = props;
    const { value, tags, timing } = this.checked(() => {
      const rotator = rotatorOf(props.kind);
      const target = targetTags(rotator, props.target, props.material);
      checkKind(rotator, props);
      const timing = timingOf(rotator, props);
      if (!rotator.containedOnly) refuseGap(props, target);
      return {
        value: firstValue(rotator, props.material ?? {}),
        timing,
        tags: credentialTags({
          kind: props.kind,
          workload: typeof workload === "string" ? workload : workload.roleArn,
          network,
          protected: String(props.protected ?? false),
          ...(props.critical && { critical: "true" }),
          ...(props.acceptGap && { single: "accepted" }),
          ...(props.retire && { retire: retireTag(props.retire) }),
          ...consumerTags(props),
          ...timing.tags,
          ...target,
        }),
      };
    });
    this.secret = new Secret(this, "Secret", {
      secretName: props.secretName,
      description:
        props.description ?? `${rotatorOf(props.kind).containedOnly ? "Contained" : "Rotated"} by Rekey: ${props.kind}`,
      ...valued(value),
    });
    for (const [key, tag] of Object.entries(tags)) Tags.of(this.secret).add(key, tag);
    this.keep(timing, names(prefix).rotate(network), props.rotateImmediately ?? true);
  }

  /** Lets the workload read its credential. */
  grantRead(reader: IGrantable): Grant {
    return this.secret.grantRead(reader);
  }

  /** Rotation rules where Secrets Manager keeps the schedule; of the others the tags tell Rekey's clock. */
  private keep({ rules, warning }: Scheduled, rotate: string, rotateImmediatelyOnUpdate: boolean) {
    if (warning) Annotations.of(this).addWarningV2("rekey:versionsPileUp", warning);
    if (!rules) return;
    new CfnRotationSchedule(this, "Schedule", {
      secretId: this.secret.secretArn,
      rotationLambdaArn: this.rotateFunction(rotate),
      rotationRules: { ...rules },
      rotateImmediatelyOnUpdate,
    });
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
