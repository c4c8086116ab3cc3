import {
  GetSecretValueCommand,
  type GetSecretValueCommandOutput,
  ResourceNotFoundException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { Misconfigured } from "../core/errors.ts";
import type { Aws, Clock, Instant } from "../core/types.ts";
import { instantAt } from "./clock.ts";

/** How long a key that was read does, in ms. */
const KEPT_MS = 60_000;
/** What was read less than this ago is not read again, however many signatures are wrong: in ms. */
const FRESH_MS = 5_000;
/** While Secrets Manager does not answer, keys do for so long, in ms. */
const STALE_MS = 900_000;
/** A replaced key still counts for a day after its successor was made, so that a sender can be changed over: in ms. */
const PREVIOUS_MS = 86_400_000;
/** Shorter ones can be guessed; `openssl rand -hex 32` makes one of 64. */
const SHORTEST = 16;

const FIELDS = ["value", "token", "key", "secret"] as const;

const fieldOf = (text: string): unknown => {
  if (!text.startsWith("{")) return text;
  try {
    const fields: Readonly<Record<string, unknown>> = JSON.parse(text);
    return FIELDS.map((name) => fields[name]).find((value) => value !== undefined);
  } catch {
    return text;
  }
};

const keyOf = (secret: string, { SecretString = "" }: GetSecretValueCommandOutput): string => {
  const key = fieldOf(SecretString.trim());
  if (typeof key === "string" && key.length >= SHORTEST) return key;
  throw new Misconfigured(
    `Secret ${secret} holds no key of ${SHORTEST} characters or more: put one there, bare or as {"value": "…"}.`,
  );
};

type Kept = { readonly keys: readonly string[]; readonly at: Instant };

/** The secret is gone or holds nothing usable: what was read before does not count any more. */
const isSettled = (error: unknown) => error instanceof ResourceNotFoundException || error instanceof Misconfigured;

/** Keys of channels: the current version, and for a day after it was made the previous one too. */
export const channelKeys = (aws: Aws, clock: Pick<Clock, "now" | "between">) => {
  const kept = new Map<string, Kept>();
  const version = (SecretId: string, VersionStage: string) =>
    aws(SecretsManagerClient).send(new GetSecretValueCommand({ SecretId, VersionStage }));
  const previous = async (secret: string, current: GetSecretValueCommandOutput): Promise<readonly string[]> => {
    const madeAt = instantAt(current.CreatedDate?.getTime() ?? 0);
    if (clock.between(madeAt, clock.now()) > PREVIOUS_MS) return [];
    try {
      return [keyOf(secret, await version(secret, "AWSPREVIOUS"))];
    } catch (error) {
      if (isSettled(error)) return [];
      throw error;
    }
  };
  const read = async (secret: string): Promise<readonly string[]> => {
    const current = await version(secret, "AWSCURRENT");
    return [keyOf(secret, current), ...(await previous(secret, current))];
  };
  const reread = async (secret: string, known: Kept | undefined, age: number): Promise<readonly string[]> => {
    try {
      const keys = await read(secret);
      kept.set(secret, { keys, at: clock.now() });
      return keys;
    } catch (error) {
      if (!known || isSettled(error) || age >= STALE_MS) throw error;
      return known.keys;
    }
  };
  /** Throws Misconfigured when the secret holds no usable key, and what Secrets Manager throws. */
  return async (secret: string, fresh: boolean): Promise<readonly string[]> => {
    const known = kept.get(secret);
    const age = known ? clock.between(known.at, clock.now()) : Number.POSITIVE_INFINITY;
    const isKnown = known && age < (fresh ? FRESH_MS : KEPT_MS);
    return isKnown ? known.keys : reread(secret, known, age);
  };
};
