import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { AnyPrincipal, Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acceptNoAccessLog } from "../acknowledged.ts";
import type { Settled } from "../config.ts";
import type { Naming, Place } from "../naming.ts";
import { CLOSED } from "./bucket.ts";

const sealed = { ...CLOSED, versioned: true } as const;

const deny = (actions: readonly string[], bucket: Bucket, conditions?: Record<string, Record<string, unknown>>) =>
  bucket.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: [...actions],
      resources: [bucket.arnForObjects("*")],
      ...(conditions && { conditions }),
    }),
  );

type ArchiveProps = { readonly config: Settled; readonly naming: Naming; readonly place: Place };

/**
 * The sealed log. Full tiles, bundles and checkpoints lie in `archive`, where an object is written once and nobody
 * deletes; what changes (the newest checkpoint, partial tiles) lies in `work`.
 */
export class Archive extends Construct {
  readonly archive: Bucket;
  readonly work: Bucket;

  constructor(scope: Construct, id: string, { config, naming, place }: ArchiveProps) {
    super(scope, id);
    const removalPolicy = config.removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
    this.archive = new Bucket(this, "Archive", {
      ...sealed,
      bucketName: naming.archiveBucket(place.account, place.region),
      // No default retention: the sealer sets it per object, so that what it stages may expire the day after.
      objectLockEnabled: config.archive.lock,
      removalPolicy,
      // A stage is spent once its commit is finished. Lifecycle acts for S3 itself: no policy of ours stands in its way.
      lifecycleRules: [
        { prefix: "staging/", expiration: Duration.days(7), noncurrentVersionExpiration: Duration.days(1) },
      ],
    });
    this.work = new Bucket(this, "Work", {
      ...sealed,
      bucketName: naming.workBucket(place.account, place.region),
      removalPolicy,
      // Only what was replaced: the current partial tiles of an idle log may be older than any age.
      lifecycleRules: [
        { noncurrentVersionExpiration: Duration.days(7), abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    for (const bucket of [this.archive, this.work]) acceptNoAccessLog(bucket);
    const watch = config.witnesses.length > 0 ? naming.roleArn(place, naming.watch) : undefined;
    this.guard(naming.roleArn(place, naming.seal), watch);
  }

  /** Beside the sealer, one role writes one object here for each year of the log. */
  private keepTo(role: string, paths: readonly string[]) {
    this.work.addToResourcePolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
        notResources: paths.map((path) => this.work.arnForObjects(path)),
        conditions: { ArnEquals: { "aws:PrincipalArn": role } },
      }),
    );
  }

  /**
   * Object Lock alone does not stop a fork: a delete marker hides the locked version, and a plain put makes another.
   * `s3:if-none-match` is absent from the parts of a multipart upload too, so those are refused with it (S3 user
   * guide, conditional-writes-enforce); the sealer puts each object whole.
   */
  private guard(sealer: string, watch: string | undefined) {
    deny(["s3:DeleteObject", "s3:DeleteObjectVersion"], this.archive);
    deny(["s3:PutObject"], this.archive, { Null: { "s3:if-none-match": "true" } });
    const others = { ArnNotEquals: { "aws:PrincipalArn": sealer } };
    deny(["s3:PutObject", "s3:PutObjectRetention", "s3:PutObjectLegalHold"], this.archive, others);
    const both = { ArnNotEquals: { "aws:PrincipalArn": watch ? [sealer, watch] : sealer } };
    deny(["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"], this.work, both);
    if (watch) this.keepTo(watch, ["cosigned", "shard/*/cosigned"]);
  }
}
