import { WRITES_PER_SECOND } from "../core/admission.ts";
import type { Clock } from "../core/types.ts";

/** What Secrets Manager answers beyond its rate: the error's name is AWS's. */
const refusal = (id: string) => Object.assign(new Error(`Rate exceeded for ${id}`), { name: "ThrottlingException" });

/**
 * Secrets Manager's limit on writes as the strictest reading has it: whoever would be the 51st within any one second is
 * refused. (AWS lets bursts through a bucket; how large it is, it does not say.)
 */
export const writeLimit = (clock: Clock, perSecond = WRITES_PER_SECOND) => {
  const times: number[] = [];
  let most = 0;
  let refused = 0;
  return {
    write(id: string) {
      const now = clock.ticks();
      while ((times[0] ?? now) <= now - 1_000) times.shift();
      if (times.length >= perSecond) {
        refused += 1;
        throw refusal(id);
      }
      times.push(now);
      most = Math.max(most, times.length);
    },
    /** The busiest second, and how many were refused. */
    seen: () => ({ most, refused }),
  };
};
