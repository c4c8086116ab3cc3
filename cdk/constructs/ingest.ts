import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { acceptNoAuthorizer, acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { RekeyFunction } from "./function.ts";

/** Requests a second, all channels together, and at once. Others are answered 429. */
const RATE = 100;
const BURST = 200;

/** Secrets Manager ends an ARN with six characters of its own. */
const secretArn = (secret: string, arn: (name: string) => string) =>
  secret.startsWith("arn:") ? secret : arn(`${secret}-??????`);

/** Who, when and with what answer: no header, no query, no body. */
const LOGGED = AccessLogFormat.custom(
  JSON.stringify({
    requestId: "$context.requestId",
    time: "$context.requestTime",
    ip: "$context.identity.sourceIp",
    path: "$context.path",
    status: "$context.status",
    ms: "$context.responseLatency",
    failure: "$context.integrationErrorMessage",
  }),
);

/** Takes detectors' webhooks: one route, one function, one answer. */
export class IngestFunction extends RekeyFunction {
  /** Of the channels; a channel's own name comes after it. */
  readonly url: string;

  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming, queues } = hub;
    super(scope, id, {
      config,
      entry: "ingest",
      name: naming.ingest,
      description: "Rekey: takes detectors' webhooks into the queue of signals",
      timeout: Duration.seconds(10),
      memory: 512,
      environment: {
        REKEY_CHANNELS: JSON.stringify(config.channels),
        REKEY_SIGNALS_URL: queues.signals.queueUrl,
      },
    });
    this.allowStores(hub);
    this.url = `${this.api(hub).apiEndpoint}/channels/`;
  }

  private allowStores({ config, naming, place, queues, state }: Hub) {
    this.allow(["sqs:SendMessage"], [queues.signals.queueArn]);
    this.allow(["dynamodb:GetItem", "dynamodb:PutItem"], [state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["DELIVERY#*"] },
    });
    const named = (name: string) => naming.secretsArn(place).replace(/\*$/, name);
    const secrets = config.channels.flatMap(({ secret }) => (secret ? [secretArn(secret, named)] : []));
    if (secrets.length > 0) this.allow(["secretsmanager:GetSecretValue"], [...new Set(secrets)]);
    for (const secret of secrets.filter((arn) => arn.includes("*"))) {
      acceptResource(this.role, secret, "The key of a channel.");
    }
  }

  private api({ config, naming }: Hub): HttpApi {
    const api = new HttpApi(this, "Api", {
      apiName: naming.ingest,
      description: "Rekey: where detectors post",
      createDefaultStage: false,
    });
    const logs = new LogGroup(this, "AccessLogs", {
      // With this prefix API Gateway's right to write does not grow the account's one resource policy of logs.
      logGroupName: `/aws/vendedlogs/${naming.ingest}`,
      retention: config.logRetentionDays as number,
      removalPolicy: config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
    new HttpStage(this, "Stage", {
      httpApi: api,
      stageName: "$default",
      autoDeploy: true,
      throttle: { rateLimit: RATE, burstLimit: BURST },
      accessLogSettings: { destination: new LogGroupLogDestination(logs), format: LOGGED },
    });
    const integration = new HttpLambdaIntegration("Integration", this.lambda);
    const routes = api.addRoutes({ path: "/channels/{name}", methods: [HttpMethod.POST], integration });
    for (const route of routes) acceptNoAuthorizer(route);
    return api;
  }
}
