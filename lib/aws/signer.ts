import { GetPublicKeyCommand, KMSClient, SignCommand } from "@aws-sdk/client-kms";
import { Misconfigured } from "../core/errors.ts";
import { sameBytes } from "../core/ledger/bytes.ts";
import type { Signer } from "../core/ledger/ports.ts";
import type { Aws } from "../core/types.ts";

/** SubjectPublicKeyInfo of an Ed25519 key is this and the 32 bytes of the key (RFC 8410 §4). */
const SPKI = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);

/**
 * Signs with an Ed25519 key in KMS that an id, ARN or alias names; the same key as long as this lives, also where the
 * alias is given to another meanwhile. Throws Misconfigured when the key is of another kind.
 */
export const kmsSigner = (aws: Aws, KeyId: string): Signer => {
  let known: { readonly arn: string; readonly key: Uint8Array } | undefined;
  const asked = async (abortSignal: AbortSignal) => {
    if (known !== undefined) return known;
    const found = await aws(KMSClient).send(new GetPublicKeyCommand({ KeyId }), { abortSignal });
    const { PublicKey, KeyId: arn = KeyId } = found;
    if (PublicKey?.length !== SPKI.length + 32 || !sameBytes(PublicKey.subarray(0, SPKI.length), SPKI))
      throw new Misconfigured(`KMS key ${KeyId} is not Ed25519; make it with key spec ECC_NIST_EDWARDS25519`);
    known = { arn, key: Uint8Array.from(PublicKey.subarray(SPKI.length)) };
    return known;
  };
  return {
    publicKey: async (signal) => (await asked(signal)).key,
    async sign(Message, abortSignal) {
      const { arn } = await asked(abortSignal);
      const how = { MessageType: "RAW", SigningAlgorithm: "ED25519_SHA_512" } as const;
      const command = new SignCommand({ KeyId: arn, Message, ...how });
      const { Signature } = await aws(KMSClient).send(command, { abortSignal });
      if (Signature === undefined) throw new Error(`KMS key ${KeyId} returned no signature; seal again`);
      return Signature;
    },
  };
};
