import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Bucket } from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { acceptNoAccessLog, acceptResource } from "../acknowledged.ts";
import type { Hub } from "../hub-stack.ts";
import { CLOSED } from "./bucket.ts";
import { RekeyFunction } from "./function.ts";
import { readLog } from "./project.ts";

/** Makes the evidence packs that the API is asked for, and keeps each for a day. */
export class EvidenceFunction extends RekeyFunction {
  /** ARN of the bucket that they lie in. */
  readonly packsArn: string;

  constructor(scope: Construct, id: string, { hub }: { readonly hub: Hub }) {
    const { config, naming, place } = hub;
    super(scope, id, {
      config,
      entry: "evidence",
      name: naming.evidence,
      description: "Rekey: makes evidence packs for the API",
      timeout: Duration.minutes(15),
      // The most that a new account may have; the rest of it is buffers, which are not on the heap.
      memory: 3008,
      environment: { NODE_OPTIONS: "--max-old-space-size=1600" },
    });
    const packs = new Bucket(this, "Packs", {
      bucketName: naming.packsBucket(place.account, place.region),
      ...CLOSED,
      // They can be made again.
      removalPolicy: config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
      lifecycleRules: [{ expiration: Duration.days(1), abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    });
    acceptNoAccessLog(packs);
    this.guard(packs, hub);
    this.packsArn = `arn:${place.partition}:s3:::${naming.packsBucket(place.account, place.region)}`;
    readLog(this, hub);
    // What witnesses have cosigned goes with the log.
    const work = `arn:${place.partition}:s3:::${naming.workBucket(place.account, place.region)}`;
    this.allow(["s3:GetObject"], [`${work}/cosigned`]);
    const own = `${this.packsArn}/pack-*`;
    this.allow(["s3:GetObject", "s3:PutObject"], [own]);
    this.allow(["s3:ListBucket"], [this.packsArn]);
    acceptResource(this.role, own, "A pack for each question; nothing else lies in this bucket.");
  }

  /** Whoever else may read or write any bucket of the account takes no pack unrecorded, and has none given as Rekey's. */
  private guard(packs: Bucket, { naming, place }: Hub) {
    packs.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["s3:GetObject", "s3:PutObject"],
        resources: [packs.arnForObjects("*")],
        conditions: {
          ArnNotEquals: {
            "aws:PrincipalArn": [naming.api, naming.evidence].map((name) => naming.roleArn(place, name)),
          },
        },
      }),
    );
  }
}
