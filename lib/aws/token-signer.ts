import { createPublicKey } from "node:crypto";
import { GetPublicKeyCommand, KMSClient, SignCommand } from "@aws-sdk/client-kms";
import { calculateJwkThumbprint, exportJWK, type JWK } from "jose";
import type { Aws } from "../core/types.ts";

/** All CAEP events are signed so, with 2048 bits or more (CAEP Interoperability Profile 1.0, "Event Signatures"). */
const ALGORITHM = { alg: "RS256", kms: "RSASSA_PKCS1_V1_5_SHA_256" } as const;
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

export type TokenSigner = {
  /** As it is published: its id is its thumbprint (RFC 7638). */
  readonly publicKey: () => Promise<JWK & { readonly kid: string }>;
  readonly sign: (claims: object) => Promise<string>;
};

/** Signs Security Event Tokens with an RSA key in KMS; an explicit type keeps them from being taken for others (RFC 8417 §2.3). */
export const kmsTokenSigner = (aws: Aws, KeyId: string): TokenSigner => {
  let known: Promise<JWK & { readonly kid: string }> | undefined;
  const load = async () => {
    const { PublicKey = new Uint8Array() } = await aws(KMSClient).send(new GetPublicKeyCommand({ KeyId }));
    const jwk = await exportJWK(createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" }));
    return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: ALGORITHM.alg, use: "sig" };
  };
  const publicKey = () => {
    known ??= load().catch((error) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  return {
    publicKey,
    async sign(claims) {
      const { kid } = await publicKey();
      const content = `${encoded({ alg: ALGORITHM.alg, kid, typ: "secevent+jwt" })}.${encoded(claims)}`;
      const Message = Buffer.from(content);
      const command = new SignCommand({ KeyId, Message, MessageType: "RAW", SigningAlgorithm: ALGORITHM.kms });
      const { Signature } = await aws(KMSClient).send(command);
      if (!Signature) throw new Error(`KMS key ${KeyId} returned no signature`);
      return `${content}.${Buffer.from(Signature).toString("base64url")}`;
    },
  };
};
