import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { AttributeType, BillingMode, Table } from "aws-cdk-lib/aws-dynamodb";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Alias, Key, KeySpec, KeyUsage } from "aws-cdk-lib/aws-kms";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { acceptOpenWitness } from "./acknowledged.ts";
import type { Settled } from "./config.ts";
import { RekeyFunction } from "./constructs/function.ts";
import { type Naming, naming, placeOf } from "./naming.ts";

export type WitnessProps = StackProps & {
  readonly config: Settled;
  /** Of the witness, as its cosignatures carry it: a URL without a scheme. */
  readonly name: string;
  /** Verifier keys of the logs that it witnesses. */
  readonly logs: readonly string[];
};

/** Requests a second, and at once: a log asks twice an hour. Others are answered 429. */
const RATE = 5;
const BURST = 10;

/** Who, when and with what answer: no body. */
const LOGGED = AccessLogFormat.custom(
  JSON.stringify({
    requestId: "$context.requestId",
    time: "$context.requestTime",
    ip: "$context.identity.sourceIp",
    status: "$context.status",
  }),
);

/** A witness (C2SP tlog-witness) of ledgers in other accounts: one function, one table, one key, one route. */
export class WitnessStack extends Stack {
  constructor(scope: Construct, id: string, { config, name, logs, ...props }: WitnessProps) {
    super(scope, id, { description: "Rekey: cosigns the checkpoints of ledgers in other accounts", ...props });
    const own = naming(config.prefix);
    const witness = new RekeyFunction(this, "Witness", {
      config,
      entry: "witness",
      name: own.witness,
      description: "Rekey: cosigns a checkpoint that extends what it has seen",
      timeout: Duration.seconds(15),
      memory: 512,
      environment: { REKEY_WITNESS_NAME: name, REKEY_WITNESS_LOGS: logs.join(" ") },
    });
    const seen = this.seen(own);
    witness.allow(["dynamodb:GetItem", "dynamodb:PutItem"], [seen.tableArn]);
    witness.allow(["kms:GetPublicKey", "kms:Sign"], [this.signingKey(own).keyArn]);
    new CfnOutput(this, "Url", { value: this.api(config, own, witness).apiEndpoint });
    new CfnOutput(this, "Name", { value: name });
  }

  /** What was cosigned last. Lost, the witness would cosign any history anew. */
  private seen(own: Naming): Table {
    return new Table(this, "Seen", {
      tableName: own.witness,
      partitionKey: { name: "PK", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN,
      deletionProtection: true,
    });
  }

  private signingKey(own: Naming): Key {
    const key = new Key(this, "Key", {
      description: "Rekey: cosigns checkpoints (Ed25519)",
      keySpec: KeySpec.ECC_NIST_EDWARDS25519,
      keyUsage: KeyUsage.SIGN_VERIFY,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: "OnlyWitnessSigns",
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["kms:Sign"],
        resources: ["*"],
        conditions: { ArnNotEquals: { "aws:PrincipalArn": own.roleArn(placeOf(this), own.witness) } },
      }),
    );
    new Alias(this, "KeyAlias", { aliasName: own.witnessKeyAlias, targetKey: key });
    return key;
  }

  private api(config: Settled, own: Naming, witness: RekeyFunction): HttpApi {
    const api = new HttpApi(this, "Api", { apiName: own.witness, createDefaultStage: false });
    const logs = new LogGroup(this, "AccessLogs", {
      logGroupName: `/aws/vendedlogs/${own.witness}`,
      retention: config.logRetentionDays as number,
    });
    new HttpStage(this, "Stage", {
      httpApi: api,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: RATE, burstLimit: BURST },
      accessLogSettings: { destination: new LogGroupLogDestination(logs), format: LOGGED },
    });
    const integration = new HttpLambdaIntegration("Integration", witness.lambda);
    for (const route of api.addRoutes({ path: "/add-checkpoint", methods: [HttpMethod.POST], integration }))
      acceptOpenWitness(route);
    return api;
  }
}
