import { type Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { SecurityGroup, Subnet, Vpc } from "aws-cdk-lib/aws-ec2";
import { Effect, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Architecture, Function as Lambda, Runtime } from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acceptNetworkInterfaces, acceptUnknownRoutes } from "../acknowledged.ts";
import type { NetworkConfig, Settled } from "../config.ts";
import type { Filled } from "../grants.ts";
import { naming, placeOf } from "../naming.ts";
import { bundled, HANDLER } from "./bundle.ts";

type RekeyFunctionProps = {
  readonly config: Settled;
  /** File in `functions/`, without `.ts`. */
  readonly entry: string;
  readonly name: string;
  readonly description: string;
  readonly timeout: Duration;
  /** In MB; a Lambda's share of a core grows with it (1,769 MB is one). */
  readonly memory: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly vpc?: NetworkConfig["vpc"];
  /** Files put beside the bundle: name there → path here. */
  readonly files?: Readonly<Record<string, string>>;
};

/** No `AWSLambdaBasicExecutionRole`: it may write to every log group of the account. */
const roleOf = (scope: Construct, logs: LogGroup, { config, name }: RekeyFunctionProps) =>
  new Role(scope, "Role", {
    roleName: naming(config.prefix).role(name, placeOf(Stack.of(scope))),
    assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    inlinePolicies: {
      Logs: new PolicyDocument({
        statements: [
          new PolicyStatement({
            actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
            resources: [logs.logGroupArn],
          }),
        ],
      }),
      // Whatever a plugin asks for: no role that contains can change what Rekey itself may do.
      OwnRoles: new PolicyDocument({
        statements: [
          new PolicyStatement({
            effect: Effect.DENY,
            actions: ["iam:*"],
            resources: [`arn:${Stack.of(scope).partition}:iam::${Stack.of(scope).account}:role/${config.prefix}-*`],
          }),
        ],
      }),
    },
  });

const placement = (scope: Construct, vpc: NetworkConfig["vpc"]) => {
  if (!vpc) return {};
  const { vpcId, availabilityZones, subnetIds, securityGroupIds } = vpc;
  acceptUnknownRoutes(scope);
  return {
    vpc: Vpc.fromVpcAttributes(scope, "Vpc", { vpcId, availabilityZones, privateSubnetIds: subnetIds }),
    vpcSubnets: { subnets: subnetIds.map((id) => Subnet.fromSubnetId(scope, id, id)) },
    securityGroups: securityGroupIds.map((id) => SecurityGroup.fromSecurityGroupId(scope, id, id)),
  };
};

/** Lambda makes a network interface per subnet under the function's role; AWS offers no narrower resource. */
const networkInterfaces = new PolicyStatement({
  actions: [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ],
  resources: ["*"],
});

/** One Lambda of Rekey's: its own role with nothing granted yet, its own log group, its code in one ESM bundle. */
export class RekeyFunction extends Construct {
  readonly lambda: Lambda;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: RekeyFunctionProps) {
    super(scope, id);
    const { config, name, timeout, memory, vpc } = props;
    const logs = new LogGroup(this, "Logs", {
      logGroupName: `/aws/lambda/${name}`,
      retention: config.logRetentionDays as RetentionDays,
      removalPolicy: config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
    this.role = roleOf(this, logs, props);
    if (vpc) this.role.addToPolicy(networkInterfaces);
    acceptNetworkInterfaces(this.role, vpc);
    this.lambda = new Lambda(this, "Function", {
      functionName: name,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: bundled(props.entry, props.files),
      handler: HANDLER,
      timeout,
      memorySize: memory,
      role: this.role.withoutPolicyUpdates(),
      logGroup: logs,
      environment: {
        REKEY_PREFIX: config.prefix,
        REKEY_ACCOUNT: Stack.of(this).account,
        ...props.environment,
      },
      ...placement(this, vpc),
    });
    this.lambda.node.addDependency(this.role);
  }

  /** Allows the function what a plugin asked for. */
  allowFilled({ actions, resources, conditions }: Filled) {
    this.allow(actions, resources, conditions);
  }

  /** Allows the function to call exactly this. */
  allow(
    actions: readonly string[],
    resources: readonly string[],
    conditions?: Record<string, Record<string, unknown>>,
  ) {
    this.role.addToPolicy(
      new PolicyStatement({ actions: [...actions], resources: [...resources], ...(conditions && { conditions }) }),
    );
  }
}
