import { createHash, createHmac, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import type { Deps } from "../../core/types.ts";

type Random = Deps["random"];

/** PostgreSQL's own default for `scram_iterations`. */
const ITERATIONS = 4096;
const SALT_BYTES = 16;

const derive = promisify(pbkdf2);
const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();

/** SASLprep (RFC 4013) as far as it changes bytes, for passwords that people chose; ours are ASCII and stay. */
const prepared = (password: string): string =>
  password
    .replace(/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g, " ")
    .replace(/\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g, "")
    .normalize("NFKC");

/**
 * What PostgreSQL stores instead of the password: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`
 * (RFC 5802 section 3, RFC 7677). Sent in place of the clear text, which would reach server logs and statistics.
 */
export const scramVerifier = async (password: string, random: Random): Promise<string> => {
  const salt = random(SALT_BYTES);
  const salted = await derive(prepared(password), salt, ITERATIONS, 32, "sha256");
  const stored = createHash("sha256").update(hmac(salted, "Client Key")).digest("base64");
  const server = hmac(salted, "Server Key").toString("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${Buffer.from(salt).toString("base64")}$${stored}:${server}`;
};
