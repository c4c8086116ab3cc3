import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { toBytes } from "../core/ledger/bytes.ts";
import type { AppendKeys } from "../core/ledger/ports.ts";
import { type Faults, faults } from "./faults.ts";

/** Keys by day under a secret that everybody here shares. */
export const memoryAppendKeys = (layer: Faults = faults(), secret = new Uint8Array(32).fill(3)): AppendKeys => ({
  of: (day) => layer.call("keys.of", () => hmac(sha256, secret, toBytes(day))),
});
