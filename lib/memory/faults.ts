/** What the process under test loses: it stops here, as by a power cut, and never acts again. */
export class Crash extends Error {
  override readonly name = "Crash";
}

/** Passes every store call; one per simulated process. */
export type Faults = {
  call<T>(name: string, effect: () => T): Promise<T>;
  /** Names of the calls made so far. */
  readonly calls: readonly string[];
};

export type FaultPlan = {
  /** The call (from 1) at which the process dies. */
  readonly at?: number;
  /** `before` the effect (request lost) or `after` it (answer lost). */
  readonly mode?: "before" | "after";
  /** 0 to below 1; gives pauses between calls, now and then very long ones. */
  readonly random?: () => number;
};

/** Share of calls before which a process freezes, and for how many turns at most: publishing bugs need long ones. */
const FREEZES = 0.03;
const LONGEST = 4000;

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await null;
};

/** A fault layer that follows a plan; without one, calls just pass. */
export const faults = ({ at, mode = "before", random }: FaultPlan = {}): Faults => {
  const calls: string[] = [];
  let dead = false;
  const pause = async (longest: number): Promise<void> => {
    if (random) await turns(Math.floor(random() * longest));
  };
  const die = (name: string): never => {
    dead = true;
    throw new Crash(name);
  };
  return {
    calls,
    async call(name, effect) {
      if (random && random() < FREEZES) await pause(LONGEST);
      await pause(4);
      if (dead) throw new Crash(name);
      calls.push(name);
      const isHere = calls.length === at;
      if (isHere && mode === "before") die(name);
      const result = effect();
      if (isHere) die(name);
      await pause(4);
      return result;
    },
  };
};
