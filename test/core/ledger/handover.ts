import { ed25519 } from "@noble/curves/ed25519.js";
import type { LifecycleEvent } from "../../../lib/core/events.ts";
import { appendTo } from "../../../lib/core/ledger/append.ts";
import { verifier } from "../../../lib/core/ledger/note.ts";
import { sealOnce, sealUntilIdle } from "../../../lib/engine/seal.ts";
import { recordHandover } from "../../../lib/engine/seal-sign.ts";
import { memoryAppendKeys } from "../../../lib/memory/append-keys.ts";
import type { FaultPlan } from "../../../lib/memory/faults.ts";
import { memoryStreams } from "../../../lib/memory/ledger.ts";
import { memorySigner } from "../../../lib/memory/signer.ts";
import { append, forever, origin, seed, sequencer, type World, world } from "./world.ts";

/** Private keys by their number; the first is the world's own. */
const secret = (number: number): Uint8Array => (number === 1 ? seed : new Uint8Array(32).fill(100 + number));
export const key = (number: number) => verifier(origin, ed25519.getPublicKey(secret(number)));

/** A run of the sealer that was deployed with these `ledgerKeys`. */
export const process = (w: World, [one, two]: readonly number[], plan: FaultPlan = {}) => {
  const { ports, layer } = sequencer(w, plan);
  const store = memoryStreams(w.table, layer);
  const write = appendTo({
    store,
    keys: memoryAppendKeys(layer),
    clock: w.clock,
    random: (n) => new Uint8Array(n).fill(n),
  });
  const signs = {
    ...ports,
    signer: memorySigner(secret(one ?? 1), layer),
    ...(two !== undefined && { next: memorySigner(secret(two), layer) }),
  };
  const once = async () => {
    const append = async (event: LifecycleEvent) => {
      const [taken] = await write([event], forever);
      return taken ?? Promise.reject(new Error("nothing was taken"));
    };
    await recordHandover({ ...signs, ledger: { append } }, forever);
    return sealOnce(signs, { signal: forever });
  };
  return { once, calls: layer.calls, ports: signs };
};

export const settle = async (w: World, keys: readonly number[]): Promise<void> => {
  await process(w, keys).once();
  await sealUntilIdle(process(w, keys).ports, { signal: forever });
  // Not acknowledged by append(), and in the log all the same.
  for (const name of w.table.rows.keys()) w.acked.add(name);
};

export const grow = async (w: World, count: number) => {
  const from = w.acked.size;
  for (let n = from; n < from + count; n += 1) await append(w, `cred-${n % 3}`, n);
};

/** A log of so many entries, all by key 1. */
export const begun = async (count = 20): Promise<World> => {
  const w = world();
  await grow(w, count);
  await settle(w, [1]);
  return w;
};
