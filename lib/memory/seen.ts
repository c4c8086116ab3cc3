import type { Seen, SeenStore } from "../core/ledger/ports.ts";
import { type Faults, faults } from "./faults.ts";

/** What a witness has seen, in a Map. */
export const memorySeen = (held: Map<string, Seen>, layer: Faults = faults()): SeenStore => ({
  get: (origin) => layer.call("seen.get", () => held.get(origin)),
  advance: (origin, from, to) =>
    layer.call("seen.advance", () => {
      const found = held.get(origin);
      if (found?.size !== from?.size || found?.root !== from?.root) return false;
      if (to.size < (found?.size ?? 0)) throw new Error(`law broken: ${origin} shrinks to ${to.size}`);
      held.set(origin, to);
      return true;
    }),
});
