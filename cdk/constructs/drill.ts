import { Duration, SecretValue, Tags } from "aws-cdk-lib";
import { Metric } from "aws-cdk-lib/aws-cloudwatch";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { User } from "aws-cdk-lib/aws-iam";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acceptNoRotation } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import type { Hub } from "../hub-stack.ts";
import { isSame } from "../naming.ts";
import { APPEND, AUTHENTICATE, appendedKeys } from "./append.ts";
import { credentialTags } from "./credential-kind.ts";
import { RekeyFunction } from "./function.ts";

const KIND = "iam-access-key";

/** The network of the hub's own account that can end an access key. */
const networkOf = ({ spokes, place }: Hub): string => {
  const own = spokes.find((spoke) => isSame(spoke.place, place));
  const network = own?.networks.find(({ kinds }) => kinds?.includes(KIND) ?? true);
  if (network) return network.name;
  throw new Error(
    `drill: no network of the hub's account rotates kind ${KIND}, so that nothing could end the canary's key. Add one, or leave drill out.`,
  );
};

/** Contains a canary on a schedule, or when somebody asks: a user that may do nothing, and the secret of its one key. */
export class DrillFunction extends RekeyFunction {
  readonly failed: Metric;

  constructor(
    scope: Construct,
    id: string,
    { hub, drill }: { readonly hub: Hub; readonly drill: NonNullable<Settled["drill"]> },
  ) {
    const { config, naming } = hub;
    const user = new User(scope, "CanaryUser", { userName: naming.drill, path: "/rekey/" });
    const secret = new Secret(scope, "CanarySecret", {
      secretName: naming.drill,
      description: "Rekey: the canary's key while a drill is under way. It opens nothing",
      secretStringValue: SecretValue.unsafePlainText("{}"),
    });
    acceptNoRotation(secret, "Each drill makes its key anew and leaves none.");
    const own = { environment: "drill", network: networkOf(hub), user: naming.drill };
    const tags = credentialTags({ kind: KIND, workload: naming.drill, ...own });
    for (const [key, tag] of Object.entries(tags)) Tags.of(secret).add(key, tag);
    super(scope, id, {
      config,
      entry: "drill",
      name: naming.drill,
      description: "Rekey: contains a canary and measures how long it takes",
      timeout: Duration.minutes(5),
      memory: 512,
      environment: {
        REKEY_CANARY_USER: naming.drill,
        REKEY_CANARY_SECRET: secret.secretArn,
        REKEY_WITHIN_MS: String(drill.withinMs),
      },
    });
    this.failed = new Metric({
      namespace: "Rekey",
      metricName: "FailedDrills",
      dimensionsMap: { service: config.prefix },
      statistic: "Maximum",
      period: Duration.minutes(5),
    });
    this.allowCanary(user, secret);
    this.allowHub(hub);
    if (drill.everyHours) {
      new Rule(this, "Each", {
        ruleName: `${naming.drill}-each`,
        description: "Contains the canary",
        schedule: Schedule.rate(Duration.hours(drill.everyHours)),
        targets: [new LambdaFunction(this.lambda, { event: RuleTargetInput.fromObject({}), retryAttempts: 0 })],
      });
    }
  }

  private allowCanary(user: User, secret: Secret) {
    this.allow(
      [
        "iam:CreateAccessKey",
        "iam:DeleteAccessKey",
        "iam:DeleteUserPolicy",
        "iam:ListAccessKeys",
        "iam:ListUserPolicies",
      ],
      [user.userArn],
    );
    this.allow(["secretsmanager:PutSecretValue"], [secret.secretArn]);
  }

  private allowHub({ naming, place, ledger, state, appendKey }: Hub) {
    this.allow(["lambda:InvokeFunction"], [naming.functionArn(place, naming.discover)]);
    this.allow(["events:PutEvents"], [naming.busArn(place)], { StringEquals: { "events:source": "rekey.signal" } });
    this.allow(["dynamodb:UpdateItem"], [state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["LOCK#drill:*"] },
    });
    this.allow(["dynamodb:GetItem"], [state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["INC#*"] },
    });
    this.allow(["dynamodb:Query"], [ledger.tableArn], appendedKeys);
    this.allow(APPEND, [ledger.tableArn], appendedKeys);
    this.allow(AUTHENTICATE, [appendKey.keyArn]);
  }
}
