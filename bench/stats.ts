/** One line of the bench: milliseconds unless `note` says otherwise. */
export type Row = {
  readonly name: string;
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Median of the floor, measured in the same run. */
  readonly floor?: number;
  /** p50 over floor. */
  readonly ratio?: number;
  readonly note?: string;
};

/** The value that this share of the samples does not exceed (nearest rank); 0 without samples. */
const percentile = (samples: readonly number[], share: number): number => {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
};

const rounded = (ms: number): number => Math.round(ms * 100) / 100;

/** A row of samples, with the floor's where there is one. */
export const row = (
  name: string,
  samples: readonly number[],
  more: { readonly floor?: readonly number[]; readonly note?: string } = {},
): Row => {
  const at = (share: number) => rounded(percentile(samples, share));
  const floor = more.floor && percentile(more.floor, 0.5);
  return {
    name,
    n: samples.length,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    ...(floor && { floor: rounded(floor), ratio: rounded(percentile(samples, 0.5) / floor) }),
    ...(more.note && { note: more.note }),
  };
};

/** Milliseconds that it took. */
export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};
