import { Conflict, Misconfigured, Throttled, Unusable } from "../../core/errors.ts";
import { type Secret, secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { afterInstall, type Document, type Key, keyOf, retired, standbyOf, withKey, without } from "./document.ts";
import { type SigningKeys, signingKeys } from "./keys.ts";
import type { Algorithm, Material, Target } from "./schema.ts";
import { changeDocument, readDocument } from "./store.ts";
import { jwkOf, mustVerify, probeToken } from "./token.ts";

type Attempt = { readonly target: Target; readonly signal: AbortSignal };
type At = Attempt & { readonly deps: Deps; readonly keys: SigningKeys };

/** KMS is eventually consistent: https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html#programming-eventual-consistency */
const SETTLES_IN_MS = 60_000;
/** A wait that fits into a step; a longer one is left to the next attempt. */
const PATIENCE_S = 60;

const seconds = ({ clock }: Deps): number => Math.floor(Date.parse(clock.now()) / 1_000);
const materialOf = ({ kid, rekey, alg }: Key): Material | undefined =>
  kid && rekey ? { kid, keyId: rekey.keyId, alg: alg as Algorithm } : undefined;

/**
 * Makes the key after next, publishes it and leaves it disabled: all who verify know it before it signs, and whoever
 * may sign with the workload's rights cannot sign with it beforehand.
 */
const makeStandby = async ({ deps, keys, target, signal }: At): Promise<Key> => {
  const keyId = await keys.create(target);
  const jwk = await jwkOf(await keys.publicKey(keyId), target.algorithm);
  await keys.disable(keyId);
  const key: Key = { ...jwk, rekey: { resource: target.resource, keyId, state: "standby", since: seconds(deps) } };
  await changeDocument(deps, { target, signal }, (document) => withKey(document, key));
  return key;
};

/** The standby that can be enabled; one whose KMS key is gone, or of another algorithm, makes way for a new one. */
const standby = async (at: At, document: Document): Promise<Key> => {
  const found = standbyOf(document, at.target.resource);
  if (!found) return makeStandby(at);
  if (found["alg"] === at.target.algorithm && (await at.keys.isThere(found.rekey.keyId))) return found;
  await changeDocument(at.deps, at, (now) => without(now, found.kid ?? ""));
  return makeStandby(at);
};

/** Waits until all who verify must have read the standby. With no key in force there is nothing to wait for. */
const untilKnown = async ({ deps, target, signal }: At, { rekey }: Key): Promise<void> => {
  const left = (rekey?.since ?? 0) + Number(target.maxAge) - seconds(deps);
  if (left <= 0) return;
  if (left <= PATIENCE_S) return deps.clock.sleep(left * 1_000, signal);
  throw new Throttled(
    `The next key of ${target.resource} was published less than rekey:maxAge=${target.maxAge} s ago; those who verify may not know it yet. Rotate again in ${left} s.`,
  );
};

const issue = async (at: At, current: Secret<Material> | undefined): Promise<Secret<Material>> => {
  const document = await readDocument(at.deps, at);
  const next = await standby(at, document);
  const inForce = current && keyOf(document, current.reveal().kid);
  if (inForce) await untilKnown(at, next);
  const material = materialOf(next);
  if (!material) throw new Conflict(`The document of ${at.target.resource} changed while it was read. Rotate again.`);
  return secret({ ...current?.reveal(), ...material });
};

const install = async (at: At, next: Material, current: Material | undefined): Promise<void> => {
  const { deps, keys, target } = at;
  const document = await readDocument(deps, at);
  if (!keyOf(document, next.kid)) {
    throw new Conflict(
      `KMS key ${next.keyId} is no longer published for ${target.resource}: it was revoked. Rotate again.`,
    );
  }
  if (!(await keys.enable(next.keyId))) throw gone(next);
  const before = await changeDocument(deps, at, (now) => afterInstall(now, { target, next, current }, seconds(deps)));
  // A key that may sign no more is disabled, never deleted: that is for a person.
  for (const keyId of retired(before, target.resource, seconds(deps))) await keys.disable(keyId);
  await standby(at, await readDocument(deps, at));
};

const gone = ({ keyId }: Material) =>
  new Misconfigured(`KMS key ${keyId} was deleted or is about to be. Cancel its deletion, or rotate instead.`);

/** Dead is both: nobody can sign, and nobody who reads the document takes what was signed. One without the other is doubt. */
const verify = async ({ deps, keys, target, signal }: At, material: Material): Promise<void> => {
  const { keyId } = material;
  const [document, token] = await Promise.all([readDocument(deps, { target, signal }), probeToken(keys, material)]);
  const published = keyOf(document, material.kid);
  if (!published && !token) throw new Unusable(`KMS key ${keyId} does not sign, and is not in ${target.jwks}.`);
  if (!token)
    throw new Error(
      `KMS key ${keyId} does not sign, but what it signed before is still taken: ${target.jwks} holds it.`,
    );
  if (!published)
    throw new Error(`KMS key ${keyId} is not in ${target.jwks}, but it still signs, and caches may know it.`);
  await mustVerify(token, published, material);
};

const restore = async ({ deps, keys, target, signal }: At, material: Material): Promise<void> => {
  const { keyId, kid, alg } = material;
  if (!(await keys.enable(keyId))) throw gone(material);
  const jwk = await jwkOf(await keys.publicKey(keyId), alg);
  const key: Key = { ...jwk, kid, rekey: { resource: target.resource, keyId, state: "live", since: seconds(deps) } };
  await changeDocument(deps, { target, signal }, (now) => (keyOf(now, kid) ? now : withKey(now, key)));
};

type Optional = "restore" | "inspect";
/** The verbs themselves; they bring the KMS, S3 and STS clients. */
export const connect = (
  deps: Deps,
): Omit<RotatorVerbs<Target, Material>, Optional> & Required<Pick<RotatorVerbs<Target, Material>, Optional>> => {
  const at = ({ target, signal }: Attempt): At => ({ deps, target, signal, keys: signingKeys(deps, signal) });
  return {
    issue: ({ current, ...attempt }) => issue(at(attempt), current),
    install: ({ next, current, ...attempt }) => install(at(attempt), next.reveal(), current?.reveal()),
    verify: ({ material, ...attempt }) => verify(at(attempt), material.reveal()),
    /** The signer first, so that no more is forged; then the document, so that nothing forged is taken. */
    async revoke({ material, keep, ...attempt }) {
      const { keyId, kid } = material.reveal();
      const settlesInMs = Math.max(SETTLES_IN_MS, Number(attempt.target.maxAge) * 1_000);
      if (!keep.some((kept) => kept.reveal().keyId === keyId)) {
        await at(attempt).keys.disable(keyId);
        await changeDocument(deps, attempt, (document) => without(document, kid));
      }
      return { undo: {}, sessionsEnded: 0, settlesInMs };
    },
    restore: ({ material, ...attempt }) => restore(at(attempt), material.reveal()),
    inspect: async ({ current, ...attempt }) => inspected(at(attempt), current?.reveal()),
  };
};

const inspected = async (here: At, current: Material | undefined) => {
  const document = await readDocument(here.deps, here);
  const next = standbyOf(document, here.target.resource);
  const isPublished = current !== undefined && keyOf(document, current.kid) !== undefined;
  return [
    isPublished
      ? { check: "current key", verdict: "well" as const, found: `it is published in ${here.target.jwks}` }
      : {
          check: "current key",
          verdict: "ill" as const,
          found: `${here.target.jwks} does not hold it`,
          mend: "Rotate; the next key is published already.",
        },
    next
      ? { check: "next key", verdict: "well" as const, found: "it is published ahead of its use" }
      : {
          check: "next key",
          verdict: "unknown" as const,
          found: "none is published ahead",
          mend: "The first rotation publishes it and takes it after rekey:maxAge.",
        },
  ];
};
