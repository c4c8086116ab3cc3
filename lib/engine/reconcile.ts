import { described } from "../core/sanitize.ts";
import { readSignals } from "../core/signal.ts";
import type { Aws, Clock, Instant, PolledEvent, SignalSource } from "../core/types.ts";

export type ReconcileWorld = {
  readonly sources: readonly SignalSource[];
  readonly aws: Aws;
  readonly clock: Clock;
  readonly account: string;
  readonly region: string;
  /** Into the queue that EventBridge's rules fill. */
  readonly send: (body: string) => Promise<void>;
};

/** What one detector told. `problem`: it could not be asked to the end, and why. */
export type Reconciled = {
  readonly source: string;
  readonly found: number;
  readonly sent: number;
  readonly problem?: string;
};

/** As it will be read from the queue: dates are text there. */
const bodyOf = ({ account, region }: ReconcileWorld, event: PolledEvent): string =>
  JSON.stringify({ version: "0", id: crypto.randomUUID(), account, region, resources: [], ...event });

const reconcileOne = async (
  world: ReconcileWorld,
  source: SignalSource,
  span: { readonly from: Instant; readonly to: Instant },
  signal: AbortSignal,
): Promise<Reconciled> => {
  let [found, sent] = [0, 0];
  try {
    const poll = await source.poll?.load();
    for await (const event of poll?.since(world, span, signal) ?? []) {
      found += 1;
      const body = bodyOf(world, event);
      const parsed = await readSignals(world.sources, JSON.parse(body));
      // What says nothing of ours, EventBridge's rule would mostly not have let through either.
      if (!("signals" in parsed) || parsed.signals.length === 0) continue;
      await world.send(body);
      sent += 1;
    }
    return { source: source.name, found, sent };
  } catch (error) {
    const { name, message } = described(error);
    return { source: source.name, found, sent, problem: `${name}: ${message}` };
  }
};

/**
 * Asks each detector what it saw since `from`, and puts it into the queue of signals once more. A signal that was
 * answered before is answered once: only what EventBridge has lost makes a difference.
 */
export const reconcile = async (
  world: ReconcileWorld,
  from: Instant,
  signal: AbortSignal,
): Promise<readonly Reconciled[]> => {
  const to = world.clock.now();
  const polled = world.sources.filter(({ poll }) => poll !== undefined);
  const done: Reconciled[] = [];
  for (const source of polled) done.push(await reconcileOne(world, source, { from, to }, signal));
  return done;
};
