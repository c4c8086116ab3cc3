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
  readonly ledger: Pick<Ledger, "appendBatch">;
  readonly spool: Spool;
  readonly clock: Clock;
  /** Hears of events that neither ledger nor spool took: the last trace of them is a log line. */
  readonly complain: (message: string, event: LifecycleEvent) => void;
};

/** One for each delivery: once the ledger has failed, what follows goes to the spool without asking it again. */
export const openRecorder = ({ ledger, spool, clock, complain }: World): Recorder => {
  let ledgerWorks = true;
  let waiting: readonly LifecycleEvent[] = [];
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
  const toLedger = async (events: readonly LifecycleEvent[]): Promise<readonly LifecycleEvent[]> => {
    try {
      const answers = await ledger.appendBatch(events);
      return events.filter((_, i) => "error" in (answers[i] ?? {}));
    } catch {
      return events;
    }
  };
  /** All that was added while the last ones were recorded, at once. */
  const record = async () => {
    const events = waiting;
    waiting = [];
    const left = ledgerWorks && events.length > 0 ? await toLedger(events) : events;
    if (left.length > 0) ledgerWorks = false;
    for (const event of left) await toSpool(event);
  };

  return {
    add: (event) => {
      waiting = [...waiting, event];
      tail = tail.then(record);
    },
    settled: async () => {
      await tail;
      return clock.now();
    },
  };
};
