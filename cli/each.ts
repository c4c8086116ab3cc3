import { createInterface } from "node:readline/promises";
import PQueue from "p-queue";

/**
 * Secrets Manager takes 50 of PutSecretValue, UpdateSecret and UpdateSecretVersionStage a second together, and that
 * cannot be raised (docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html). A rotation makes three
 * at most, and schedules go on meanwhile: twelve begin each second.
 */
export const ROTATIONS_A_SECOND = 12;

type Pace = {
  readonly concurrency: number;
  /** No limit without it. */
  readonly aSecond?: number;
  readonly label: string;
  readonly isFailure: (result: never) => boolean;
};

const progress = (label: string, total: number) => {
  let [done, failed] = [0, 0];
  const shown = process.stderr.isTTY && total > 1;
  return {
    tick: (isFailure: boolean) => {
      done += 1;
      failed += isFailure ? 1 : 0;
      if (shown) process.stderr.write(`\r${label}: ${done} of ${total}${failed > 0 ? `, ${failed} failed` : ""}`);
    },
    end: () => {
      if (shown) process.stderr.write("\n");
    },
  };
};

/** Works through all of them, so many at a time and so many a second; a line on stderr tells how far. */
export const each = async <T, R>(
  items: readonly T[],
  { concurrency, aSecond, label, isFailure }: Pace & { readonly isFailure: (result: R) => boolean },
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> => {
  const queue = new PQueue({ concurrency, ...(aSecond && { interval: 1_000, intervalCap: aSecond }) });
  const line = progress(label, items.length);
  const jobs = items.map((item) =>
    queue.add(async () => {
      const result = await work(item);
      line.tick(isFailure(result));
      return result;
    }),
  );
  const results = await Promise.all(jobs);
  line.end();
  return results;
};

/** Asks at the terminal; false when nobody is there to answer. */
export const confirmed = async (question: string): Promise<boolean> => {
  if (!process.stdin.isTTY) return false;
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim());
  } finally {
    asking.close();
  }
};
