import ssh2 from "ssh2";
import type { Target } from "./schema.ts";

/** Half of a pair that do not belong together is locked out, or worse: a key that only some servers can read. */
const DATA = Buffer.from("rekey");
const ED25519_BLOB_BYTES = 51;

type Pair = { readonly privateKey: string; readonly publicKey: string };

const draw = ({ keyType, comment }: Target): Pair => {
  const made = {
    ed25519: () => ssh2.utils.generateKeyPairSync("ed25519", { comment }),
    "ecdsa-p256": () => ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256, comment }),
    "rsa-4096": () => ssh2.utils.generateKeyPairSync("rsa", { bits: 4096, comment }),
  }[keyType]();
  return { privateKey: made.private, publicKey: made.public };
};

/** True if both halves can be read, are one pair, and sign what the other verifies. */
export const isSound = ({ privateKey, publicKey }: Pair): boolean => {
  const [own, shown] = [ssh2.utils.parseKey(privateKey), ssh2.utils.parseKey(publicKey)];
  if (own instanceof Error || shown instanceof Error) return false;
  const blob = shown.getPublicSSH();
  if (shown.type === "ssh-ed25519" && blob.length !== ED25519_BLOB_BYTES) return false;
  if (!own.isPrivateKey() || !own.getPublicSSH().equals(blob)) return false;
  const signature = own.sign(DATA);
  return !(signature instanceof Error) && shown.verify(DATA, signature) === true;
};

const TRIES = 20;

/**
 * A fresh pair from the platform's CSPRNG, in OpenSSH's format. The library writes one Ed25519 key in 256 too short
 * (https://github.com/mscdex/ssh2/issues/1513), so a pair that is not sound is drawn again.
 */
export const generate = (target: Target): Pair => {
  for (let tries = 1; tries <= TRIES; tries++) {
    const pair = draw(target);
    if (isSound(pair)) return pair;
  }
  throw new Error(`${TRIES} key pairs of type ${target.keyType} in a row could not be read back.`);
};
