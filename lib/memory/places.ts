import { freeBefore, type Place, type Places, placeFor } from "../core/breaker/places.ts";
import type { Clock } from "../core/types.ts";

/** Places in a Map. */
export const memoryPlaces = (clock: Pick<Clock, "after">): Places => {
  const kept = new Map<string, Map<number, Place>>();
  return {
    async take(key, holder, limit, now) {
      const taken = kept.get(key) ?? new Map<number, Place>();
      kept.set(key, taken);
      const at = placeFor(taken, holder, limit, freeBefore(now, limit, clock));
      if (typeof at === "number") taken.set(at, { holder, since: now });
      return at !== undefined;
    },
  };
};
