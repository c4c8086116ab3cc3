import pRetry from "p-retry";
import { Throttled, Unreachable } from "../../core/errors.ts";
import type { Clock } from "../../core/types.ts";
import type { Patience } from "./answer.ts";

const patienceOf = (error: unknown): Patience | undefined =>
  error instanceof Throttled && "retryAfterMs" in error ? (error as Throttled & Patience) : undefined;

type Options = {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whether asking twice is asking once: only then is a silence asked again. A throttled request was never begun. */
  readonly isRepeatable: boolean;
};

/** Tries again, up to three times with growing pauses, what was throttled and, where that is safe, what got no answer. */
export const patiently = <T>(run: () => Promise<T>, { clock, signal, isRepeatable }: Options): Promise<T> =>
  pRetry(run, {
    retries: 3,
    minTimeout: 200,
    maxTimeout: 4_000,
    factor: 3,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => patienceOf(error)?.isWorthWaiting ?? (isRepeatable && error instanceof Unreachable),
    onFailedAttempt: async ({ error, retriesLeft }) => {
      const patience = patienceOf(error);
      if (retriesLeft > 0 && patience?.isWorthWaiting) await clock.sleep(patience.retryAfterMs, signal);
    },
  });
