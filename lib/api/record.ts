import type { AsOf } from "../core/review/entry.ts";
import type { Instant } from "../core/types.ts";
import { asOf, type ReadLog } from "../engine/record-of.ts";
import { momentOf, msOf } from "./words.ts";
import type { ApiWorld } from "./world.ts";

export type Opened = { readonly log: ReadLog; readonly asOf: AsOf };

/** The log, checked, as of the moment asked for; as of its newest entry without one, so that one log has one answer. */
export const opened = async (world: ApiWorld, given: string | undefined): Promise<Opened> => {
  const moment: Instant | undefined = momentOf(given, world.clock.now());
  const log = await world.log();
  return { log, asOf: asOf(log, moment, msOf) };
};

/** What an answer from the log follows from. */
export const tagOf = ({ asOf: { root, size, at } }: Opened): readonly (string | number)[] => [root, size, at];
