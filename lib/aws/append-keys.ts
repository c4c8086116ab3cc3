import { toBytes } from "../core/ledger/bytes.ts";
import type { AppendKeys } from "../core/ledger/ports.ts";
import type { Aws } from "../core/types.ts";

/** A process needs today's, and the sealer those of a backlog. */
const MOST_KEPT = 32;

/**
 * Keys by day, made of an HMAC key in KMS that an ARN or alias names: KMS's MAC of the day is the day's key. The same
 * for every process, so that none has to be stored or handed on, and one call lasts a process for a day.
 */
export const kmsAppendKeys = (aws: Aws, KeyId: string): AppendKeys => {
  const kept = new Map<string, Uint8Array>();
  return {
    async of(day, abortSignal) {
      const known = kept.get(day);
      if (known) return known;
      // A function that contains loads it with its first record, not with its cold start.
      const { GenerateMacCommand, KMSClient } = await import("@aws-sdk/client-kms");
      const Message = toBytes(`rekey append key v1 ${day}`);
      const command = new GenerateMacCommand({ KeyId, Message, MacAlgorithm: "HMAC_SHA_256" });
      const { Mac } = await aws(KMSClient).send(command, { abortSignal });
      if (!Mac) throw new Error(`KMS key ${KeyId} returned no MAC; try again`);
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(day, Mac);
      return Mac;
    },
  };
};
