import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import type { ListPaths } from "../core/review/store.ts";
import type { Aws } from "../core/types.ts";

/** The paths in a bucket. S3 lists general purpose buckets in the order of UTF-8 keys (ListObjectsV2, API reference). */
export const s3Paths =
  (aws: Aws, Bucket: string): ListPaths =>
  async (Prefix, StartAfter, abortSignal) => {
    const paths: string[] = [];
    let token: string | undefined;
    do {
      const page = await aws(S3Client).send(
        new ListObjectsV2Command({ Bucket, Prefix, ...(token ? { ContinuationToken: token } : { StartAfter }) }),
        { abortSignal },
      );
      paths.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
      token = page.NextContinuationToken;
    } while (token);
    return paths;
  };
