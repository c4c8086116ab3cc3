import { App, CfnOutput, Duration, RemovalPolicy, SecretValue, Stack } from "aws-cdk-lib";
import { AttributeType, StreamViewType, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Rule } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import { Code, Function as Lambda, Runtime, RuntimeFamily } from "aws-cdk-lib/aws-lambda";
import { Bucket, ObjectLockRetention } from "aws-cdk-lib/aws-s3";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Queue } from "aws-cdk-lib/aws-sqs";

/** What the local AWS must take from CloudFormation without dropping a property. Synthesised by deploy.test.ts. */
const stack = new Stack(new App(), "Probe");
const rotator = new Lambda(stack, "Rotator", {
  runtime: new Runtime("nodejs24.x", RuntimeFamily.NODEJS, { supportsInlineCode: true }),
  handler: "index.handler",
  code: Code.fromInline("exports.handler = async () => {};"),
  reservedConcurrentExecutions: 1,
});
const secret = new Secret(stack, "Secret", { secretStringValue: SecretValue.unsafePlainText("first") });
secret.addRotationSchedule("Schedule", {
  rotationLambda: rotator,
  automaticallyAfter: Duration.hours(4),
  rotateImmediatelyOnUpdate: false,
});
const table = new TableV2(stack, "Table", {
  partitionKey: { name: "pk", type: AttributeType.STRING },
  dynamoStream: StreamViewType.NEW_IMAGE,
  timeToLiveAttribute: "expiresAt",
  pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
  removalPolicy: RemovalPolicy.DESTROY,
});
const bucket = new Bucket(stack, "Bucket", {
  objectLockEnabled: true,
  objectLockDefaultRetention: ObjectLockRetention.compliance(Duration.days(1)),
  versioned: true,
  enforceSSL: true,
});
const key = new Key(stack, "Key", { keySpec: KeySpec.ECC_NIST_EDWARDS25519, keyUsage: KeyUsage.SIGN_VERIFY });
const queue = new Queue(stack, "Queue", { enforceSSL: true });
new Rule(stack, "Rule", { eventPattern: { source: ["probe"] }, targets: [new SqsQueue(queue)] });

const outputs = {
  rotator: rotator.functionName,
  secret: secret.secretArn,
  table: table.tableName,
  bucket: bucket.bucketName,
  key: key.keyArn,
  queue: queue.queueUrl,
};
for (const [name, value] of Object.entries(outputs)) new CfnOutput(stack, name, { value });
