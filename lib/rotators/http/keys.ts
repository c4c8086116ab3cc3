import { createHash, createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { Misconfigured } from "../../core/errors.ts";

const generate = promisify(generateKeyPair);

/** PKCS #8 PEM of a fresh RSA key of 2,048 bits, by the platform's CSPRNG; takes 50 to 300 ms. */
export const rsaKey = async (): Promise<string> => {
  const { privateKey } = await generate("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
};

export type Public = { readonly publicKey: string; readonly fingerprint: string };

/**
 * The public half: its DER in base64, and `SHA256:` with the base64 SHA-256 of that DER, as Snowflake writes both
 * (docs.snowflake.com/en/user-guide/key-pair-auth). Throws Misconfigured when the text is no private key.
 */
export const publicOf = (privateKey: string, whose: string): Public => {
  try {
    const der = createPublicKey(createPrivateKey(privateKey)).export({ type: "spki", format: "der" });
    return {
      publicKey: der.toString("base64"),
      fingerprint: `SHA256:${createHash("sha256").update(der).digest("base64")}`,
    };
  } catch {
    throw new Misconfigured(
      `The private key of ${whose} is no PEM without a passphrase. Put one as PKCS #8 or PKCS #1.`,
    );
  }
};

/** What `create` writes beside a key that takes over from the key of that id: by it, and no wider, debris is known. */
export const markerOf = (keyId: string): string =>
  `rekey-${createHash("sha256").update(keyId).digest("hex").slice(0, 20)}`;
