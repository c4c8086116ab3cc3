import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { Aws } from "../core/types.ts";

/** A URL that reads one object for so many seconds, by the rights of whoever signs it. It is a credential: not for logs. */
export const presigned = (aws: Aws, Bucket: string, Key: string, expiresIn: number): Promise<string> =>
  getSignedUrl(aws(S3Client), new GetObjectCommand({ Bucket, Key }), { expiresIn });
