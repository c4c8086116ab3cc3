import type { Clock } from "../lib/core/types.ts";
import { realClock } from "../test/support/clock.ts";

/** Notes when the rotator first asks what time it is: it does so when the login is refused, before the sweep begins. */
export const noticing = (): Clock & { readonly take: () => number } => {
  let first = 0;
  return {
    ...realClock,
    now: () => {
      first ||= performance.now();
      return realClock.now();
    },
    take: () => {
      const taken = first;
      first = 0;
      return taken;
    },
  };
};
