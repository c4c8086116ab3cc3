import { createPublicKey } from "node:crypto";
import { p256 } from "@noble/curves/nist.js";
import { calculateJwkThumbprint, compactVerify, exportJWK, importJWK, type JWK } from "jose";
import { Misconfigured } from "../../core/errors.ts";
import type { Key } from "./document.ts";
import type { SigningKeys } from "./keys.ts";
import type { Algorithm, Material } from "./schema.ts";

/** A public key of KMS as it is published: its id is its thumbprint (RFC 7638). */
export const jwkOf = async (spki: Uint8Array, alg: Algorithm): Promise<Key & { readonly kid: string }> => {
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  const jwk = await exportJWK(key);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use: "sig" };
};

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** KMS gives ECDSA signatures as DER; tokens carry r and s side by side (RFC 7518 §3.4). */
export const forToken = (signature: Uint8Array, alg: Algorithm) =>
  alg === "ES256" ? p256.Signature.fromBytes(signature, "der").toBytes("compact") : signature;

/** A token that nobody takes for one: another type, no claims, long over. Undefined when KMS does not sign. */
export const probeToken = async (keys: SigningKeys, { kid, keyId, alg }: Material): Promise<string | undefined> => {
  const content = `${encoded({ alg, kid, typ: "rekey-probe" })}.${encoded({ exp: 0 })}`;
  const signature = await keys.sign(keyId, alg, Buffer.from(content));
  return signature && `${content}.${Buffer.from(forToken(signature, alg)).toString("base64url")}`;
};

/** Verifies as a relying party does. Throws Misconfigured where the published key is not the one that signs. */
export const mustVerify = async (token: string, published: Key, { keyId, alg }: Material): Promise<void> => {
  try {
    await compactVerify(token, await importJWK(published as JWK, alg), { algorithms: [alg] });
  } catch {
    throw new Misconfigured(
      `The key that is published for KMS key ${keyId} does not verify what it signs. Take the entry out of the document and restore or rotate.`,
    );
  }
};
