import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AccessLogFormat } from "aws-cdk-lib/aws-apigateway";
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpIamAuthorizer, HttpJwtAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { acceptResource } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import type { Hub } from "../hub-stack.ts";
import { RekeyFunction } from "./function.ts";
import { readLog } from "./project.ts";

/** Requests a second, all callers together, and at once. Others are answered 429. */
const RATE = 20;
const BURST = 40;

/** Who, when and with what answer: no header, no query, no body. */
const LOGGED = AccessLogFormat.custom(
  JSON.stringify({
    requestId: "$context.requestId",
    time: "$context.requestTime",
    ip: "$context.identity.sourceIp",
    caller: "$context.identity.caller",
    subject: "$context.authorizer.claims.sub",
    method: "$context.httpMethod",
    path: "$context.path",
    status: "$context.status",
    ms: "$context.responseLatency",
    failure: "$context.integrationErrorMessage",
  }),
);

type ApiProps = { readonly hub: Hub; readonly api: NonNullable<Settled["api"]>; readonly packsArn: string | undefined };

/** Answers reviewers, machines and approvers: one function behind an authorizer for each kind of caller. */
export class ApiFunction extends RekeyFunction {
  readonly url: string;

  constructor(scope: Construct, id: string, { hub, api, packsArn }: ApiProps) {
    const { config, naming } = hub;
    super(scope, id, {
      config,
      entry: "api",
      name: naming.api,
      description: "Rekey: answers reviewers, machines and approvers",
      timeout: Duration.seconds(29),
      memory: 1769,
      environment: {
        REKEY_API_ROLES: JSON.stringify(api.roles),
        ...(api.jwt && { REKEY_API_CLAIM: api.jwt.rolesClaim }),
      },
    });
    this.allowReading(hub);
    this.allowOrders(hub, api);
    if (packsArn) this.allowPacks(hub, packsArn);
    this.url = this.gateway(hub, api).apiEndpoint;
  }

  private allowReading(hub: Hub) {
    const { ledger, review, state } = hub;
    this.allow(["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"], [review.tableArn]);
    this.allow(["dynamodb:Query"], [`${review.tableArn}/index/lists`, `${state.tableArn}/index/list`]);
    this.allow(["dynamodb:GetItem"], [state.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["CRED#*", "INC#*", "PROPOSAL#*"] },
    });
    this.allow(["dynamodb:Query"], [ledger.tableArn], {
      "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["C#*"] },
    });
    readLog(this, hub);
  }

  /** Without anybody who acts, the function cannot either. */
  private allowOrders({ naming, place }: Hub, { roles }: ApiProps["api"]) {
    const acts = roles.operator || roles.approver ? [naming.respond] : [];
    const named = [naming.project, ...acts].map((name) => naming.functionArn(place, name));
    this.allow(["lambda:InvokeFunction"], named);
  }

  /** Orders packs and reads them: by its right to read one does the URL of that one work. */
  private allowPacks({ naming, place }: Hub, packsArn: string) {
    const [all, orders] = [`${packsArn}/pack-*`, `${packsArn}/pack-*/order.json`];
    this.allow(["s3:GetObject"], [all]);
    this.allow(["s3:PutObject"], [orders]);
    // Without it S3 answers 403 instead of 404 for what is not there.
    this.allow(["s3:ListBucket"], [packsArn]);
    this.allow(["lambda:InvokeFunction"], [naming.functionArn(place, naming.evidence)]);
    for (const path of [all, orders]) acceptResource(this.role, path, "A pack for each question.");
  }

  private gateway({ config, naming }: Hub, { jwt }: ApiProps["api"]): HttpApi {
    const api = new HttpApi(this, "Api", {
      apiName: naming.api,
      description: "Rekey: for reviewers, machines and approvers",
      createDefaultStage: false,
    });
    const logs = new LogGroup(this, "AccessLogs", {
      // With this prefix API Gateway's right to write does not grow the account's one resource policy of logs.
      logGroupName: `/aws/vendedlogs/${naming.api}`,
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
    const methods = [HttpMethod.GET, HttpMethod.POST];
    api.addRoutes({ path: "/iam/{proxy+}", methods, integration, authorizer: new HttpIamAuthorizer() });
    if (jwt) {
      const authorizer = new HttpJwtAuthorizer("People", jwt.issuer, { jwtAudience: [...jwt.audience] });
      api.addRoutes({ path: "/jwt/{proxy+}", methods, integration, authorizer });
    }
    return api;
  }
}
