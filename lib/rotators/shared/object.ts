import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Conflict, Forbidden, Misconfigured } from "../../core/errors.ts";
import { described } from "../../core/sanitize.ts";
import type { Deps } from "../../core/types.ts";
import { awsFailure } from "./aws-fault.ts";

/** One object that others read and several write. */
export type Place = {
  /** `bucket/key`, as the tag has it. */
  readonly path: string;
  /** The tag's name, for the message. */
  readonly tag: string;
  /** Which buckets Rekey's role may write, for the message. */
  readonly bucketsNamed: string;
  readonly contentType: string;
  /** Seconds that readers may keep it. */
  readonly maxAge: number;
};
type At = { readonly place: Place; readonly signal: AbortSignal };
type Read = { readonly text: string | undefined; readonly etag: string | undefined };

const named = ({ path }: Place) => {
  const [Bucket = "", ...rest] = path.split("/");
  return { Bucket, Key: rest.join("/") };
};

const explained = ({ path, tag, bucketsNamed }: Place, error: unknown): Error => {
  const { name } = described(error);
  if (name === "NoSuchBucket") return new Misconfigured(`Bucket of ${path} does not exist. Correct tag rekey:${tag}.`);
  if (name === "AccessDenied") {
    return new Forbidden(
      `Rekey may not read or write S3 object ${path}. Its role may in buckets named ${bucketsNamed} of this account.`,
    );
  }
  return awsFailure(`S3 object ${path}`, error);
};

/** The object's text; undefined where there is none yet. Throws Misconfigured, Forbidden or Unreachable. */
export const readObject = async ({ aws }: Deps, { place, signal }: At): Promise<Read> => {
  try {
    const { Body, ETag } = await aws(S3Client).send(new GetObjectCommand(named(place)), { abortSignal: signal });
    return { text: await Body?.transformToString(), etag: ETag };
  } catch (error) {
    if (described(error).name !== "NoSuchKey") throw explained(place, error);
    return { text: undefined, etag: undefined };
  }
};

/** Answers of S3 to a conditional write that lost: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html */
const LOST = new Set(["PreconditionFailed", "ConditionalRequestConflict"]);

/** Writes only over what was read. False when somebody else wrote meanwhile. */
const isWritten = async ({ aws }: Deps, { place, signal }: At, { text, etag }: Read): Promise<boolean> => {
  const command = new PutObjectCommand({
    ...named(place),
    Body: text ?? "",
    ContentType: place.contentType,
    CacheControl: `public, max-age=${place.maxAge}`,
    ...(etag ? { IfMatch: etag } : { IfNoneMatch: "*" }),
  });
  try {
    await aws(S3Client).send(command, { abortSignal: signal });
    return true;
  } catch (error) {
    if (LOST.has(described(error).name)) return false;
    throw explained(place, error);
  }
};

const TRIES = 8;
const PAUSE_MS = 25;

/**
 * Reads, changes and writes, again when another writer was faster; undefined leaves it as it is. Returns what was there
 * before. Throws Conflict when eight writes in a row were lost.
 */
export const changeObject = async (
  deps: Deps,
  at: At,
  change: (text: string | undefined) => Promise<string | undefined>,
): Promise<string | undefined> => {
  for (let tries = 1; tries <= TRIES; tries++) {
    const { text, etag } = await readObject(deps, at);
    const changed = await change(text);
    if (changed === undefined || changed === text) return text;
    if (await isWritten(deps, at, { text: changed, etag })) return text;
    await deps.clock.sleep(PAUSE_MS * tries, at.signal);
  }
  throw new Conflict(`S3 object ${at.place.path} was written by others ${TRIES} times in a row. Try again.`);
};
