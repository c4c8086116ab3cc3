import middy from "@middy/core";
import { s3Objects } from "../lib/aws/archive.ts";
import { makeAws } from "../lib/aws/clients.ts";
import { writeParquet } from "../lib/aws/parquet.ts";
import { s3Paths } from "../lib/aws/paths.ts";
import { gzip } from "../lib/core/ledger/gzip.ts";
import { type CompactPorts, compactUntilIdle } from "../lib/engine/compact.ts";
import { END_EARLY_MS, environment, log } from "./environment.ts";

/** No further file is begun with less time left, in ms: its up to 100,000 entries may lie in thousands of event files. */
const LAST_START_MS = 240_000;

const { names, account, region } = environment();
const aws = makeAws();
const bucketOf = (bucket: string) => ({ ...s3Objects({ aws, bucket }), list: s3Paths(aws, bucket) });
const ports: CompactPorts = {
  archive: bucketOf(names.archiveBucket(account, region)),
  parquet: bucketOf(names.parquetBucket(account, region)),
  packer: gzip,
  write: writeParquet,
  ms: Date.parse,
};

type Remaining = { readonly getRemainingTimeInMillis: () => number };

/** Makes Parquet of the archive's days that are over. What one run does not get to, the next one does. */
export const handler = middy({ timeoutEarlyInMillis: END_EARLY_MS }).handler(
  async (_: unknown, context: Remaining, { signal }: { readonly signal: AbortSignal }) => {
    const files = await compactUntilIdle(ports, signal, () => context.getRemainingTimeInMillis() > LAST_START_MS);
    await log("info", "compacted", { files });
    return { files };
  },
);
