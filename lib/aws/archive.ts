import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Created, ObjectStore } from "../core/ledger/ports.ts";
import type { Aws } from "../core/types.ts";
import { systemClock } from "./clock.ts";

export type S3ObjectsOptions = {
  readonly aws: Aws;
  readonly bucket: string;
  /**
   * Puts each object under Object Lock in COMPLIANCE mode for so many days, and stages for one: nobody, the account's
   * root included, deletes that version before. Absent or 0: no lock.
   */
  readonly retentionDays?: number;
};

const DAY_MS = 86_400_000;
const CONFLICT_PAUSE_MS = 50;

const statusOf = (error: unknown): number | undefined =>
  (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** How long an object stays, as the headers say it. A stage is spent once its commit is finished, which may take a day. */
const lockFor = (path: string, days: number) => {
  if (days <= 0) return {};
  const until = new Date(Date.now() + (path.startsWith("staging/") ? 1 : days) * DAY_MS);
  return { ObjectLockMode: "COMPLIANCE" as const, ObjectLockRetainUntilDate: until };
};

type Written = Created | "taken" | "busy";

/** What S3's status says of a conditional put: 412 the condition failed, 404 it was gone, 409 two writers at once. */
const outcomeOf = (error: unknown): Written => {
  const status = statusOf(error);
  if (status === 409) return "busy";
  if (status === 412 || status === 404) return "taken";
  throw error;
};

const ABSENCES = new Set(["NoSuchKey", "NoSuchVersion"]);

type Condition = { readonly IfNoneMatch: string } | { readonly IfMatch: string };
const ABSENT: Condition = { IfNoneMatch: "*" };

/** A bucket whose writes are all conditional. */
export const s3Objects = ({ aws, bucket: Bucket, retentionDays = 0 }: S3ObjectsOptions): ObjectStore => {
  const put = (Key: string, Body: Uint8Array, condition: Condition, abortSignal: AbortSignal): Promise<Written> =>
    aws(S3Client)
      .send(new PutObjectCommand({ Bucket, Key, Body, ...condition, ...lockFor(Key, retentionDays) }), { abortSignal })
      .then(({ VersionId }): Written => (VersionId ? { version: VersionId } : {}), outcomeOf);
  return {
    async get(Key, abortSignal, version) {
      try {
        const command = new GetObjectCommand({ Bucket, Key, ...(version && { VersionId: version }) });
        const { Body, ETag = "", VersionId } = await aws(S3Client).send(command, { abortSignal });
        const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
        return { bytes, etag: ETag, ...(VersionId && { version: VersionId }) };
      } catch (error) {
        if (error instanceof Error && ABSENCES.has(error.name)) return undefined;
        throw error;
      }
    },
    async create(path, bytes, signal) {
      for (;;) {
        const outcome = await put(path, bytes, ABSENT, signal);
        if (outcome === "taken") return undefined;
        if (outcome !== "busy") return outcome;
        await systemClock.sleep(CONFLICT_PAUSE_MS, signal);
      }
    },
    replace: async (path, bytes, etag, signal) =>
      typeof (await put(path, bytes, etag === undefined ? ABSENT : { IfMatch: etag }, signal)) === "object",
  };
};
