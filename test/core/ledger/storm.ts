import { Fork } from "../../../lib/core/ledger/errors.ts";
import type { StreamStore } from "../../../lib/core/ledger/ports.ts";
import { sealOnce } from "../../../lib/engine/seal.ts";
import type { SealPorts } from "../../../lib/engine/seal-finish.ts";
import { Crash, type Faults } from "../../../lib/memory/faults.ts";
import { memoryStreams } from "../../../lib/memory/ledger.ts";
import {
  appendMany,
  drain,
  faultsOf,
  forever,
  type Numbered,
  randomBy,
  sequencer,
  type World,
  world,
} from "./world.ts";

/** Breaks a sequencer's ports, or where writers write, to see whether the storm notices. */
export type Mutant = {
  readonly ports?: (ports: SealPorts, w: World) => SealPorts;
  readonly store?: (store: StreamStore, w: World, layer: Faults) => StreamStore;
};

const WRITERS = 3;
const EVENTS = 15;
const STREAMS = 3;

export type Tally = Record<"sealed" | "recovered" | "outrun" | "idle" | "crashed" | "turned", number>;

const YEAR_MS = 366 * 86_400_000;
/** In every other storm the year turns, once or twice, while all of it goes on: at which events. */
const turnsOf = (seed: number, below: (n: number) => number): readonly number[] =>
  seed % 2 === 0 ? [] : Array.from({ length: 1 + below(2) }, () => below(WRITERS * EVENTS));

/** Events that a writer appends at once, at most. */
const AT_ONCE = 5;

/** A sound sequencer never meets a fork here, and never breaks a law of the stores. */
const unsound = (error: unknown): string => {
  if (error instanceof Fork || (error instanceof Error && error.message.startsWith("law broken"))) return error.message;
  throw error;
};

/**
 * Three writers that lose requests and answers, three sequencers with a lagging index that crash and freeze, all at
 * once; then one sound run. Returns what is wrong with the log.
 */
export const storm = async (
  seed: number,
  tally: Tally,
  { ports: spoil = (ports) => ports, store: spoilStore = (store) => store }: Mutant = {},
): Promise<readonly string[]> => {
  const random = randomBy(seed);
  const below = (n: number) => Math.floor(random() * n);
  const plan = (share: number, calls: number) => ({
    random,
    mode: random() < 0.5 ? ("before" as const) : ("after" as const),
    ...(random() < share && { at: 1 + below(calls) }),
  });
  const w = world();
  const turns = turnsOf(seed, below);
  const lag = random() * 0.5;
  let writing = true;

  const storeOf = (layer: Faults) => spoilStore(memoryStreams(w.table, layer), w, layer);
  const writeSome = async (some: Numbered): Promise<void> => {
    for (;;) {
      try {
        return await appendMany(w, some, plan(0.2, 4), storeOf);
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
    }
  };
  const turnsWithin = (from: number, to: number) => {
    if (turns.some((at) => at >= from && at < to)) w.clock.advance(YEAR_MS);
  };
  const write = async (writer: number) => {
    for (let i = 0; i < EVENTS; ) {
      for (let pause = below(200); pause > 0; pause -= 1) await null;
      const many = Math.min(1 + below(AT_ONCE), EVENTS - i);
      await writeSome(Array.from({ length: many }, (_, k) => [`cred-${below(STREAMS)}`, writer * EVENTS + i + k]));
      turnsWithin(writer * EVENTS + i, writer * EVENTS + i + many);
      i += many;
    }
  };
  const seal = async () => {
    for (let turn = 0; writing && turn < 400; turn += 1) {
      const { ports } = sequencer(w, plan(0.4, 50), () => random() < lag);
      try {
        const { outcome } = await sealOnce(spoil(ports, w), { signal: forever, limit: 1 + below(20) });
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
    tally.turned += w.cell.record?.shard ? 1 : 0;
    return await faultsOf(w);
  } catch (error) {
    writing = false;
    return [unsound(error)];
  }
};

export const tally = (): Tally => ({ sealed: 0, recovered: 0, outrun: 0, idle: 0, crashed: 0, turned: 0 });
