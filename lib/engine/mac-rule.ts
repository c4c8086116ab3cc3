import { toBytes, toText } from "../core/ledger/bytes.ts";
import { Fork } from "../core/ledger/errors.ts";
import type { ObjectStore } from "../core/ledger/ports.ts";
import type { Clock, Instant } from "../core/types.ts";

/** From when on this log takes no event without a MAC. */
export type MacRule = (isNew: boolean, signal: AbortSignal) => Promise<Instant>;

/** Written once in the archive: in the table, whoever edits a row could edit it too. */
export const MACS_FROM = "rules/macs-from";
/** A log that is older than MACs takes rows without one for so long: functions are deployed one after the other. */
const GRACE_MS = 24 * 3_600_000;

const instantIn = (bytes: Uint8Array): Instant => {
  const text = toText(bytes).trim();
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)) return text as Instant;
  throw new Fork(`${MACS_FROM} in the archive is no instant: restore its first version, then seal again`);
};

/** Reads the rule once; the first sealer that looks for it makes it. */
export const macRule = ({ archive, clock }: { readonly archive: ObjectStore; readonly clock: Clock }): MacRule => {
  let known: Instant | undefined;
  return async (isNew, signal) => {
    if (known !== undefined) return known;
    const read = async () => (await archive.get(MACS_FROM, signal))?.bytes;
    let found = await read();
    if (!found) {
      const from = isNew ? clock.now() : clock.after(clock.now(), GRACE_MS);
      await archive.create(MACS_FROM, toBytes(`${from}\n`), signal);
      found = await read();
    }
    if (!found) throw new Fork(`${MACS_FROM} was written and is gone: somebody deletes from the archive`);
    known = instantIn(found);
    return known;
  };
};
