import type { Sealed } from "../../lib/core/review/entry.ts";
import { sealedLog as seal } from "../../lib/memory/sealed-log.ts";

/** A log of these entries under the tests' own key. */
export const sealedLog = (entries: readonly Sealed[]) =>
  seal(entries, "rekey.111122223333.eu-central-1/ledger", new Uint8Array(32).fill(9));

export const { by } = sealedLog([]);
