import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Bucket } from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { acceptNoAccessLog, acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { CLOSED } from "./bucket.ts";
import { RekeyFunction } from "./function.ts";

/** Makes Parquet of each day of the archive, in a bucket of its own: it can be emptied and made again. */
export class CompactFunction extends RekeyFunction {
  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming, place } = hub;
    super(scope, id, {
      config,
      entry: "compact",
      name: naming.compact,
      description: "Rekey: makes Parquet of the days of the archive that are over",
      timeout: Duration.minutes(15),
      // 100,000 entries as text, as objects and as columns.
      memory: 1769,
    });
    const parquet = new Bucket(this, "Parquet", {
      bucketName: naming.parquetBucket(place.account, place.region),
      ...CLOSED,
      removalPolicy: config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
    acceptNoAccessLog(parquet);
    new Rule(this, "Daily", {
      ruleName: `${naming.compact}-daily`,
      description: "Makes Parquet of the days that are over",
      // Some event of the new day, the hourly heartbeat at the latest, shows that the old one is over.
      schedule: Schedule.cron({ hour: "2", minute: "15" }),
      targets: [new LambdaFunction(this.lambda, { retryAttempts: 2 })],
    });
    const events = `arn:${place.partition}:s3:::${naming.archiveBucket(place.account, place.region)}`;
    const own = `arn:${place.partition}:s3:::${naming.parquetBucket(place.account, place.region)}`;
    this.allow(["s3:GetObject"], [`${events}/events/*`]);
    this.allow(["s3:PutObject"], [`${own}/parquet/*`]);
    this.allow(["s3:ListBucket"], [events, own]);
    acceptResource(this.role, `${events}/events/*`, "The log grows by objects there; this role only reads.");
    acceptResource(this.role, `${own}/parquet/*`, "One object for each part of a day; this role adds and never reads.");
  }
}
