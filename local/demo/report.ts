import { writeFile } from "node:fs/promises";

export type Verdict = {
  readonly step: string;
  readonly ok: boolean;
  readonly ms: number;
  /** What was seen, for machines: figures and names, nothing secret. */
  readonly seen?: Readonly<Record<string, unknown>>;
  readonly error?: string;
};

const started = performance.now();
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`.padStart(7);

/** Runs steps one after another, prints a line for each, and keeps every verdict. */
export const openReport = (say: (line: string) => void) => {
  const verdicts: Verdict[] = [];
  const note = (verdict: Verdict) => {
    verdicts.push(verdict);
    const mark = verdict.ok ? "ok  " : "FAIL";
    say(`${mark} ${seconds(verdict.ms)}  ${verdict.step}${verdict.error ? `\n              ${verdict.error}` : ""}`);
  };

  return {
    /** Does one step; its failure is noted and thrown on, because what follows builds on it. */
    step: async <T>(step: string, work: () => Promise<T>, seen?: (result: T) => Verdict["seen"]): Promise<T> => {
      const since = performance.now();
      try {
        const result = await work();
        const facts = seen?.(result);
        note({ step, ok: true, ms: Math.round(performance.now() - since), ...(facts && { seen: facts }) });
        return result;
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        note({ step, ok: false, ms: Math.round(performance.now() - since), error: text });
        throw error;
      }
    },
    detail: (line: string) => say(`              ${line}`),
    failed: () => verdicts.filter(({ ok }) => !ok).map(({ step }) => step),
    write: (file: string) => {
      const totalMs = Math.round(performance.now() - started);
      const ok = verdicts.length > 0 && verdicts.every((verdict) => verdict.ok);
      return writeFile(file, `${JSON.stringify({ ok, totalMs, steps: verdicts }, null, 2)}\n`);
    },
    totalMs: () => Math.round(performance.now() - started),
  };
};
export type Report = ReturnType<typeof openReport>;

/** Throws with what was expected and seen, unless it holds. */
export const expectThat = (holds: boolean, complaint: string): void => {
  if (!holds) throw new Error(complaint);
};
