import { Fork } from "../../../lib/core/ledger/errors.ts";
import { sealOnce } from "../../../lib/engine/seal.ts";
import type { SealPorts } from "../../../lib/engine/seal-finish.ts";
import { Crash } from "../../../lib/memory/faults.ts";
import { append, drain, faultsOf, forever, randomBy, sequencer, type World, world } from "./world.ts";

/** Breaks a sequencer's ports, to see whether the storm notices. */
export type Mutant = (ports: SealPorts, w: World) => SealPorts;

const WRITERS = 3;
const EVENTS = 15;
const STREAMS = 3;

export type Tally = Record<"sealed" | "recovered" | "outrun" | "idle" | "crashed", number>;

/**
 * Three writers that lose requests and answers, three sequencers with a lagging index that crash and freeze, all at
 * once; then one sound run. Returns what is wrong with the log.
 */
export const storm = async (
  seed: number,
  tally: Tally,
  mutant: Mutant = (ports) => ports,
): Promise<readonly string[]> => {
  const random = randomBy(seed);
  const below = (n: number) => Math.floor(random() * n);
  const plan = (share: number, calls: number) => ({
    random,
    mode: random() < 0.5 ? ("before" as const) : ("after" as const),
    ...(random() < share && { at: 1 + below(calls) }),
  });
  const w = world();
  const lag = random() * 0.5;
  let writing = true;

  const writeOne = async (stream: string, n: number): Promise<void> => {
    for (;;) {
      try {
        return await append(w, stream, n, plan(0.2, 3));
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
    }
  };
  const write = async (writer: number) => {
    for (let i = 0; i < EVENTS; i += 1) {
      for (let pause = below(200); pause > 0; pause -= 1) await null;
      await writeOne(`cred-${below(STREAMS)}`, writer * EVENTS + i);
    }
  };
  const seal = async () => {
    for (let turn = 0; writing && turn < 400; turn += 1) {
      const { ports } = sequencer(w, plan(0.4, 50), () => random() < lag);
      try {
        const { outcome } = await sealOnce(mutant(ports, w), { signal: forever, limit: 1 + below(20) });
        tally[outcome] += 1;
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        tally.crashed += 1;
      }
    }
  };

  try {
    const sealing = Promise.all([seal(), seal(), seal()]);
    await Promise.all(Array.from({ length: WRITERS }, (_, i) => write(i)));
    writing = false;
    await sealing;
    await drain(w);
    return await faultsOf(w);
  } catch (error) {
    // A sound sequencer never meets a fork here, and never breaks a law of the stores.
    writing = false;
    if (error instanceof Fork || (error instanceof Error && error.message.startsWith("law broken")))
      return [error.message];
    throw error;
  }
};

export const tally = (): Tally => ({ sealed: 0, recovered: 0, outrun: 0, idle: 0, crashed: 0 });
