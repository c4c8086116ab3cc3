import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Alias, Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { acceptResource } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import type { Hub } from "../hub-stack.ts";
import { RekeyFunction } from "./function.ts";
import { PATIENCE, patientQueue } from "./patient-queue.ts";

type Props = { readonly hub: Hub; readonly transmit: NonNullable<Settled["transmit"]> };

/** Tells receivers of containments by CAEP's events. Fed by Rekey's own bus event: no containment waits for it. */
export class TransmitFunction extends RekeyFunction {
  /** Tokens that a receiver refused, or did not take in a day. */
  readonly lost: Queue;

  constructor(scope: Construct, id: string, { hub, transmit }: Props) {
    const { config, naming } = hub;
    const { tasks: tokens, lost } = patientQueue(scope, {
      id: "Transmit",
      name: naming.transmit,
      what: "Tokens",
    });
    super(scope, id, {
      config,
      entry: "transmit",
      name: naming.transmit,
      description: "Rekey: tells receivers of containments (Security Event Tokens)",
      timeout: Duration.minutes(1),
      memory: 512,
      environment: {
        REKEY_TRANSMIT: JSON.stringify(transmit),
        REKEY_TRANSMIT_URL: tokens.queueUrl,
        REKEY_TRANSMIT_LOST_URL: lost.queueUrl,
      },
    });
    this.lost = lost;
    new Rule(this, "OnContained", {
      ruleName: `${naming.transmit}-on-contained`,
      description: "Tells receivers of containments",
      eventPattern: { source: ["rekey"], detailType: ["Rekey Credential Contained"] },
      targets: [new SqsQueue(tokens)],
    });
    this.lambda.addEventSource(new SqsEventSource(tokens, { batchSize: 4, reportBatchItemFailures: true }));
    this.allow(PATIENCE, [tokens.queueArn]);
    this.allow(["sqs:SendMessage"], [lost.queueArn]);
    this.allow(["dynamodb:BatchGetItem", "dynamodb:GetItem"], [hub.state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["CRED#*", "INC#*"] },
    });
    this.allowKey(hub);
    this.allowOutside(hub, transmit);
  }

  /** 2048 bits of RSA: the profile names no other algorithm. A new key is made by hand and published beside the old. */
  private allowKey({ config, naming, place }: Hub) {
    const key = new Key(this, "Key", {
      description: "Rekey: signs Security Event Tokens (RS256)",
      keySpec: KeySpec.RSA_2048,
      keyUsage: KeyUsage.SIGN_VERIFY,
      removalPolicy: config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: "OnlyTransmitSigns",
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["kms:Sign"],
        resources: ["*"],
        conditions: { ArnNotEquals: { "aws:PrincipalArn": naming.roleArn(place, naming.transmit) } },
      }),
    );
    new Alias(this, "KeyAlias", { aliasName: naming.transmitKeyAlias, targetKey: key });
    this.allow(["kms:GetPublicKey", "kms:Sign"], [key.keyArn]);
  }

  private allowOutside({ place }: Hub, { jwks, receivers }: Props["transmit"]) {
    const bucket = `arn:${place.partition}:s3:::${jwks.split("/")[0]}`;
    this.allow(["s3:GetObject", "s3:PutObject"], [`arn:${place.partition}:s3:::${jwks}`]);
    // Without it S3 says 403, not 404, of a document that is not there yet (API reference, GetObject).
    this.allow(["s3:ListBucket"], [bucket]);
    for (const { authorization } of receivers) {
      if (!authorization) continue;
      // Secrets Manager ends a secret's ARN with six random characters (user guide, "IAM policy examples").
      const secret = `arn:${place.partition}:secretsmanager:${place.region}:${place.account}:secret:${authorization}-??????`;
      acceptResource(this.role, secret, "Its last six characters are random; the name is the config's.");
      this.allow(["secretsmanager:GetSecretValue"], [secret]);
    }
  }
}
