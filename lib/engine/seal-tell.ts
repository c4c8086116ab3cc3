import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type LifecycleEvent, LOG } from "../core/events.ts";
import { seqsOf } from "../core/ledger/append.ts";
import { toBytes } from "../core/ledger/bytes.ts";
import type { Committed } from "../core/ledger/ports.ts";
import type { Clock, Ledger } from "../core/types.ts";
import type { Parked } from "./seal-choose.ts";

const ACTOR = { kind: "service", principal: "rekey-seal" } as const;

/** Records where somebody wrote in the table by hand: once for each event, however often it is met. */
export const tellTampering = async (
  { ledger, clock }: { readonly ledger: Pick<Ledger, "appendBatch">; readonly clock: Clock },
  parked: readonly Parked[],
): Promise<void> => {
  const events = parked.map(
    ({ stream, id, seq, why }): LifecycleEvent => ({
      id: `tampered:${bytesToHex(sha256(toBytes(JSON.stringify([stream, id, why]))))}`,
      stream: LOG,
      type: "ledger.tampered",
      at: clock.now(),
      actor: ACTOR,
      data: { stream, event: id, seq, why },
    }),
  );
  seqsOf(await ledger.appendBatch(events));
};

/** For how long a commit has been waiting for what it implies, in ms; 0 when none does. */
export const unfinishedMs = (lock: Committed | undefined, clock: Clock): number =>
  lock === undefined || lock.applied ? 0 : clock.between(lock.at, clock.now());
