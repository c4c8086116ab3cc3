import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { JWK } from "jose";
import * as z from "zod/mini";
import { Conflict, Misconfigured } from "../core/errors.ts";
import type { Aws, Clock } from "../core/types.ts";

/** Entries of others are kept as they are. */
const Document = z.looseObject({ keys: z.array(z.looseObject({ kid: z.optional(z.string()) })) });
const TRIES = 8;
const PAUSE_MS = 50;
/** Receivers that meet a key they do not know read anew; the others may keep it so long. */
const MAX_AGE_S = 300;
/** docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
const LOST = ["PreconditionFailed", "ConditionalRequestConflict"];

const nameOf = (error: unknown) => (error instanceof Error ? error.name : "");

const parsed = (path: string, text: string | undefined): z.infer<typeof Document> => {
  if (text === undefined) return { keys: [] };
  try {
    return Document.parse(JSON.parse(text));
  } catch {
    throw new Misconfigured(`S3 object ${path} is no JWKS document. Correct transmit.jwks, or put {"keys":[]} there.`);
  }
};

/** Sees to it that a JWKS document in S3 (`bucket/key`) has this key; whoever else writes to it keeps what he wrote. */
export const publishKey = async (
  { aws, clock }: { readonly aws: Aws; readonly clock: Clock },
  path: string,
  key: JWK & { readonly kid: string },
): Promise<"published" | "there"> => {
  const [Bucket = "", ...rest] = path.split("/");
  const at = { Bucket, Key: rest.join("/") };
  const read = async () => {
    try {
      const { Body, ETag } = await aws(S3Client).send(new GetObjectCommand(at));
      return { text: await Body?.transformToString(), etag: ETag };
    } catch (error) {
      if (nameOf(error) !== "NoSuchKey") throw error;
      return { text: undefined, etag: undefined };
    }
  };
  for (let tries = 1; tries <= TRIES; tries++) {
    const { text, etag } = await read();
    const document = parsed(path, text);
    if (document.keys.some(({ kid }) => kid === key.kid)) return "there";
    const command = new PutObjectCommand({
      ...at,
      Body: JSON.stringify({ ...document, keys: [...document.keys, key] }),
      ContentType: "application/jwk-set+json",
      CacheControl: `public, max-age=${MAX_AGE_S}`,
      ...(etag ? { IfMatch: etag } : { IfNoneMatch: "*" }),
    });
    try {
      await aws(S3Client).send(command);
      return "published";
    } catch (error) {
      if (!LOST.includes(nameOf(error))) throw error;
    }
    await clock.sleep(PAUSE_MS * tries);
  }
  throw new Conflict(`S3 object ${path} was written by others ${TRIES} times in a row.`);
};
