import * as z from "zod/mini";
import type { Material, Target } from "./schema.ts";

/**
 * A member of ours beside the key's own: RFC 7517 §4 has readers ignore what they do not know. `standby`: published and
 * not yet signing. `live`: may sign. `leaving`: signs no more, and its tokens are good until `until`.
 */
const Ours = z.object({
  resource: z.string(),
  keyId: z.string(),
  state: z.enum(["standby", "live", "leaving"]),
  /** Seconds since 1970, of the state. */
  since: z.number(),
  until: z.optional(z.number()),
});
const Key = z.looseObject({ kid: z.optional(z.string()), rekey: z.optional(Ours) });
export const Document = z.looseObject({ keys: z.array(Key) });
export type Document = z.infer<typeof Document>;
export type Key = z.infer<typeof Key>;
type Mine = Key & { readonly rekey: z.infer<typeof Ours> };

/** Clocks of those who verify differ; five minutes are the common allowance. */
const SKEW_S = 300;

export const keyOf = ({ keys }: Document, kid: string): Key | undefined => keys.find((key) => key.kid === kid);
const isOf =
  (resource: string) =>
  (key: Key): key is Mine =>
    key.rekey?.resource === resource;
export const standbyOf = ({ keys }: Document, resource: string): Mine | undefined =>
  keys.filter(isOf(resource)).find(({ rekey }) => rekey.state === "standby");

export const without = (document: Document, kid: string): Document => ({
  ...document,
  keys: document.keys.filter((key) => key.kid !== kid),
});
export const withKey = (document: Document, key: Key): Document => ({
  ...document,
  keys: [...document.keys.filter(({ kid }) => kid !== key.kid), key],
});

type Change = { readonly target: Target; readonly next: Material; readonly current: Material | undefined };

/** How one entry of ours stands once `next` signs; another's, and another resource's, stay as they are. */
const stateAfter = (key: Key, { target, next, current }: Change, now: number): Key => {
  const { resource, tokenLife } = target;
  const mine = (of: Material): Key => ({ ...key, rekey: { resource, keyId: of.keyId, state: "live", since: now } });
  const isLive = key.rekey?.resource === resource && key.rekey.state === "live";
  if (key.kid === next.kid) return isLive ? key : mine(next);
  // Published before Rekey came: from now on it takes part.
  if (current && key.kid === current.kid) return key.rekey ? key : mine(current);
  if (!isLive || !key.rekey) return key;
  const until = now + Number(tokenLife) + SKEW_S;
  return { ...key, rekey: { ...key.rekey, state: "leaving", since: now, until } };
};

const isOver = (resource: string, now: number) => (key: Key) =>
  isOf(resource)(key) && key.rekey.until !== undefined && key.rekey.until <= now;

/** The document once `next` signs: `current` stays, older ones leave once their last token has ended. */
export const afterInstall = (document: Document, change: Change, now: number): Document => ({
  ...document,
  keys: document.keys
    .filter((key) => !isOver(change.target.resource, now)(key))
    .map((key) => stateAfter(key, change, now)),
});

/** Key ids of ours whose last token has ended. */
export const retired = ({ keys }: Document, resource: string, now: number): readonly string[] =>
  keys.filter(isOver(resource, now)).flatMap(({ rekey }) => (rekey ? [rekey.keyId] : []));
