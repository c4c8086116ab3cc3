import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { Instant } from "../types.ts";
import { sameBytes, toBytes } from "./bytes.ts";
import type { Row } from "./ports.ts";

/** The UTC day whose key authenticates what was taken at an instant. */
export const dayOf = (at: Instant): string => at.slice(0, 10);

/** Whether a row names a day at all: what is no day asks for no key. */
export const hasDay = ({ receivedAt }: Row): boolean => /^\d{4}-\d\d-\d\dT/.test(receivedAt);

// As a JSON array, so that no field can pass for a part of its neighbour.
const told = ({ stream, id, seq, receivedAt, before, body }: Row): Uint8Array =>
  toBytes(JSON.stringify([stream, id, seq, receivedAt, before ?? null, bytesToHex(sha256(toBytes(body)))]));

/** HMAC-SHA-256 of all that a row says, in hex: by it the sealer knows what was appended from what was written by hand. */
export const macOf = (row: Row, key: Uint8Array): string => bytesToHex(hmac(sha256, key, told(row)));

/** Whether the row is what was appended, under the key of its day. */
export const isAppended = (row: Row, key: Uint8Array): boolean =>
  /^[0-9a-f]{64}$/.test(row.mac ?? "") && sameBytes(hexToBytes(row.mac ?? ""), hmac(sha256, key, told(row)));
