import { bytesToHex } from "@noble/hashes/utils.js";
import type { Checkpoint } from "./checkpoint.ts";
import { Malformed, unlessMalformed } from "./errors.ts";
import { type Handover, handoverIn } from "./handover.ts";
import type { Verifier } from "./note.ts";
import { type ReadFile, readPiece } from "./pieces.ts";
import { checkProof, type LogProof } from "./proof.ts";
import { logOf, openOfLog } from "./shard.ts";
import { claimedShards, type OpenShard } from "./shards.ts";
import { bundlePath, splitEntries, TILE, tileWidth } from "./tiles.ts";

/** A handover in a log, at its entry. */
export type Told = Handover & { readonly index: number };

/** What can be read of a log's shards, nothing believed. */
const shardsIn = async (read: ReadFile): Promise<readonly OpenShard[]> => {
  const shards: OpenShard[] = [];
  try {
    for await (const shard of claimedShards(read)) shards.push(shard);
  } catch (error) {
    // Whoever verifies says what is wrong.
    if (!(error instanceof Malformed || error instanceof TypeError)) throw error;
  }
  return shards;
};

/** Every handover in a log's files. The files are not verified here: each handover is believed for its signatures. */
const handoversIn = async (shards: readonly OpenShard[]): Promise<readonly Told[]> => {
  const found: Told[] = [];
  for (const { size, base, read } of shards) {
    for (let index = 0; tileWidth(size, 0, index) > 0; index += 1) {
      const bytes = await readPiece(read, (w) => bundlePath(index, w), tileWidth(size, 0, index));
      const entries = bytes && unlessMalformed(() => splitEntries(bytes));
      // What is missing or cut short is for whoever verifies; a size that is a lie ends here.
      if (!entries) break;
      const told = entries.map((entry, i) => ({ index: base + index * TILE + i, ...handoverIn(entry) }));
      found.push(...told.filter((one): one is Told => "from" in one));
    }
  }
  return found;
};

// The key's own id is short, and of its name: a key of the log is one of each of its shards.
const idOf = ({ name, key }: Verifier): string => `${logOf(name)} ${bytesToHex(key)}`;

/** The ways from a key over handovers, the shortest first; `isBack` goes from heirs to those before them. */
const waysFrom = (start: Verifier, told: readonly Told[], isBack = false): readonly (readonly Told[])[] => {
  const [near, far] = isBack ? (["to", "from"] as const) : (["from", "to"] as const);
  const seen = new Set([idOf(start)]);
  const ways: (readonly Told[])[] = [[]];
  // Grows while it is walked: each way found is gone on from.
  for (const way of ways) {
    const end = idOf(way.at(-1)?.[far] ?? start);
    for (const one of told.filter((any) => idOf(any[near]) === end && !seen.has(idOf(any[far])))) {
      seen.add(idOf(one[far]));
      ways.push([...way, one]);
    }
  }
  return ways.slice(1);
};

const opens = (note: string, by: Verifier): boolean => unlessMalformed(() => openOfLog(note, by)) !== undefined;

/** The key that signs a log now, and the handovers that lead to it from the one that was given. */
export type Followed = { readonly by: Verifier; readonly via: readonly Told[] };

/**
 * Follows a log's handovers from a key that is trusted to the one that signed its newest checkpoint. Where none leads
 * there it is the given key still, and whoever opens the checkpoint with it says what is wrong.
 */
export const followKey = async (read: ReadFile, given: Verifier): Promise<Followed> => {
  const shards = await shardsIn(read);
  const note = shards.at(-1)?.note;
  if (note === undefined || opens(note, given)) return { by: given, via: [] };
  for (const via of waysFrom(given, await handoversIn(shards))) {
    const by = via.at(-1)?.to;
    if (by && opens(note, by)) return { by, via };
  }
  return { by: given, via: [] };
};

/** The keys of a log that a trusted one stands for: it, those after it, and those whose heir it is. */
export const keysOf = async (read: ReadFile, by: Verifier): Promise<readonly Verifier[]> => {
  const told = await handoversIn(await shardsIn(read));
  const after = waysFrom(by, told).flatMap((way) => way.at(-1)?.to ?? []);
  const before = waysFrom(by, told, true).flatMap((way) => way.at(-1)?.from ?? []);
  return [by, ...after, ...before];
};

/** A checkpoint kept from before, under a key that the log's key stands for. Throws Malformed. */
export const openOlder = async (read: ReadFile, note: string, by: Verifier): Promise<Checkpoint> => {
  if (opens(note, by)) return openOfLog(note, by);
  const key = (await keysOf(read, by)).find((one) => opens(note, one));
  return openOfLog(note, key ?? by);
};

/**
 * What a proof shows to whoever trusts this key. Of the handover from this key itself, the checkpoint may be by the next
 * one: who holds nothing but an old key learns the new one so. Throws Malformed.
 */
export const checkProofFrom = (proof: LogProof, given: Verifier): ReturnType<typeof checkProof> => {
  const handover = opens(proof.note, given) ? undefined : handoverIn(proof.entry);
  return checkProof(proof, handover && idOf(handover.from) === idOf(given) ? handover.to : given);
};
