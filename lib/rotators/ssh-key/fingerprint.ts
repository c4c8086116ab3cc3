import { createHash } from "node:crypto";

/** Of a key in SSH's wire form, as `ssh-keygen -l` and the server's log have it. */
export const fingerprintOfBlob = (blob: Uint8Array): string =>
  `SHA256:${createHash("sha256").update(blob).digest("base64").replaceAll("=", "")}`;

/** Of a public key as authorized_keys has it. */
export const fingerprintOf = (publicKey: string): string =>
  fingerprintOfBlob(Buffer.from(publicKey.trim().split(/\s+/)[1] ?? "", "base64"));
