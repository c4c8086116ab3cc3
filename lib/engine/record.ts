import type { LifecycleEvent } from "../core/events.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, Instant, Ledger, Spool } from "../core/types.ts";

export type Recorder = {
  /** Returns at once: recording never delays a revocation. Order is kept. */
  readonly add: (event: LifecycleEvent) => void;
  /** When everything added is in the ledger or the spool; the instant at which the last was. */
  readonly settled: () => Promise<Instant>;
};

type World = {
  /** One that gives up soon: what it does not take in time is spooled and appended later. */
  readonly ledger: Pick<Ledger, "append">;
  readonly spool: Spool;
  readonly clock: Clock;
  /** Hears of events that neither ledger nor spool took: the last trace of them is a log line. */
  readonly complain: (message: string, event: LifecycleEvent) => void;
};

/** One for each delivery: once the ledger has failed, what follows goes to the spool without asking it again. */
export const openRecorder = ({ ledger, spool, clock, complain }: World): Recorder => {
  let ledgerWorks = true;
  let tail: Promise<unknown> = Promise.resolve();

  const toSpool = async (event: LifecycleEvent) => {
    try {
      await spool.put(event);
    } catch (error) {
      complain(
        `event ${event.id} of ${event.stream} was taken by neither ledger nor spool: ${described(error).message}`,
        event,
      );
    }
  };
  const toLedger = async (event: LifecycleEvent) => {
    if (!ledgerWorks) return toSpool(event);
    try {
      await ledger.append(event);
    } catch {
      ledgerWorks = false;
      await toSpool(event);
    }
  };

  return {
    add: (event) => {
      tail = tail.then(() => toLedger(event));
    },
    settled: async () => {
      await tail;
      return clock.now();
    },
  };
};
