import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { ObjectStore } from "../core/ledger/ports.ts";
import type { Aws } from "../core/types.ts";
import { systemClock } from "./clock.ts";

export type S3ObjectsOptions = {
  readonly aws: Aws;
  readonly bucket: string;
  /**
   * Puts each object but the stages under Object Lock in COMPLIANCE mode for so many days: nobody, the account's root
   * included, deletes that version before. Absent or 0: no lock.
   */
  readonly retentionDays?: number;
};

const DAY_MS = 86_400_000;
const CONFLICT_PAUSE_MS = 50;

const statusOf = (error: unknown): number | undefined =>
  (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** How long an object stays, as the headers say it. Stages are spent once their commit is finished. */
const lockFor = (path: string, days: number) =>
  days > 0 && !path.startsWith("staging/")
    ? { ObjectLockMode: "COMPLIANCE" as const, ObjectLockRetainUntilDate: new Date(Date.now() + days * DAY_MS) }
    : {};

type Written = "written" | "taken" | "busy";

/** What S3's status says of a conditional put: 412 the condition failed, 404 it was gone, 409 two writers at once. */
const outcomeOf = (error: unknown): Written => {
  const status = statusOf(error);
  if (status === 409) return "busy";
  if (status === 412 || status === 404) return "taken";
  throw error;
};

type Condition = { readonly IfNoneMatch: string } | { readonly IfMatch: string };
const ABSENT: Condition = { IfNoneMatch: "*" };

/** A bucket whose writes are all conditional. */
export const s3Objects = ({ aws, bucket: Bucket, retentionDays = 0 }: S3ObjectsOptions): ObjectStore => {
  const put = (Key: string, Body: Uint8Array, condition: Condition, abortSignal: AbortSignal): Promise<Written> =>
    aws(S3Client)
      .send(new PutObjectCommand({ Bucket, Key, Body, ...condition, ...lockFor(Key, retentionDays) }), { abortSignal })
      .then(() => "written" as const, outcomeOf);
  return {
    async get(Key, abortSignal) {
      try {
        const { Body, ETag = "" } = await aws(S3Client).send(new GetObjectCommand({ Bucket, Key }), { abortSignal });
        return { bytes: (await Body?.transformToByteArray()) ?? new Uint8Array(), etag: ETag };
      } catch (error) {
        if (error instanceof Error && error.name === "NoSuchKey") return undefined;
        throw error;
      }
    },
    async create(path, bytes, signal) {
      for (;;) {
        const outcome = await put(path, bytes, ABSENT, signal);
        if (outcome !== "busy") return outcome === "written";
        await systemClock.sleep(CONFLICT_PAUSE_MS, signal);
      }
    },
    replace: async (path, bytes, etag, signal) =>
      (await put(path, bytes, etag === undefined ? ABSENT : { IfMatch: etag }, signal)) === "written",
  };
};
