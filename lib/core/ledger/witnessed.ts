import { toText } from "./bytes.ts";
import { compare } from "./extends.ts";
import { keysOf, openOlder } from "./follow.ts";
import type { Verifier } from "./note.ts";
import type { ReadFile } from "./pieces.ts";
import { keyFor } from "./shard.ts";
import { type OpenShard, totalOf, vouchedShards } from "./shards.ts";
import { judgeCosigned, type WitnessPolicy } from "./witness-policy.ts";

/** The newest checkpoint that witnesses have cosigned, beside the newest of all. */
export const COSIGNED = "cosigned";

export type Witnessed =
  | {
      readonly good: true;
      /** Entries that the cosigned checkpoint covers, of all that the log has. */
      readonly size: number;
      readonly of: number;
      /** Time in s since 1970. */
      readonly by: readonly { readonly name: string; readonly time: number }[];
    }
  | { readonly good: false; readonly message: string };

/** The log's key, or another of its keys that it stands for. */
const isListed = async ({ logs }: WitnessPolicy, read: ReadFile, by: Verifier): Promise<boolean> => {
  const lists = (key: Verifier) => logs.some((one) => keyFor(one, key.name).id.join() === key.id.join());
  return logs.length === 0 || lists(by) || (await keysOf(read, by)).some(lists);
};

/** What may carry cosignatures, the newest first: of each shard its newest checkpoint, and the one that was cosigned. */
const cosignedIn = async (shards: readonly OpenShard[]) => {
  const found = await Promise.all(
    shards.toReversed().map(async (shard) => {
      const kept = await shard.read(COSIGNED);
      return [shard.note, ...(kept ? [toText(kept)] : [])].map((note) => ({ note, shard }));
    }),
  );
  return found.flat();
};

/** How far witnesses vouch for a log, by a policy. The log itself must have been verified: its tiles are believed here. */
export const witnessed = async (read: ReadFile, by: Verifier, policy: WitnessPolicy): Promise<Witnessed> => {
  if (!(await isListed(policy, read, by))) return { good: false, message: "the policy does not list the log's key" };
  const shards = await vouchedShards(read, by);
  for (const { note, shard } of await cosignedIn(shards)) {
    const { isEnough, cosignatures } = judgeCosigned(note, policy);
    if (!isEnough) continue;
    const older = await openOlder(read, note, by);
    const { standing, message } = await compare(shard.read, older, shard);
    if (standing !== "extends") return { good: false, message: `against the cosigned checkpoint, ${message}` };
    const names = cosignatures.map(({ witness, time }) => ({ name: witness.name, time }));
    return { good: true, size: shard.base + older.size, of: totalOf(shards), by: names };
  }
  return { good: false, message: "no checkpoint here carries the cosignatures that are asked for" };
};
