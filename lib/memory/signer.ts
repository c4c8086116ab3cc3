import { ed25519 } from "@noble/curves/ed25519.js";
import type { Signer } from "../core/ledger/ports.ts";
import { type Faults, faults } from "./faults.ts";

/** A signer whose 32-byte private key is given. */
export const memorySigner = (seed: Uint8Array, layer: Faults = faults()): Signer => ({
  publicKey: () => layer.call("signer.publicKey", () => ed25519.getPublicKey(seed)),
  sign: (message) => layer.call("signer.sign", () => ed25519.sign(message, seed)),
});
