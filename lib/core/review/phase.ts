import { type Assessed, assess, type Control, type Verdict } from "./control.ts";
import type { Moment, Sealed } from "./entry.ts";
import type { Answer } from "./queries.ts";

/** A part of a workload's life, who answers for it, and what shows that it goes well. */
export type Phase = {
  readonly id: string;
  readonly title: string;
  /** A part that somebody plays; which person that is, the reader's organisation says. */
  readonly owner: string;
  /** Judged as controls are, by the same queries. */
  readonly criteria: readonly Control[];
};

export type PhaseReport = { readonly phase: Phase; readonly verdict: Verdict; readonly criteria: readonly Assessed[] };

/** Worst first: one criterion that is not met is the phase's verdict. */
const WORST: readonly Verdict[] = ["not met", "no data", "not recorded", "met", "shown"];

/** What the record says for each phase. */
export const reportPhases = (
  phases: readonly Phase[],
  entries: readonly Sealed[],
  asOf: Answer["asOf"],
  ms: Moment["ms"],
): readonly PhaseReport[] =>
  phases.map((phase) => {
    const criteria = phase.criteria.map((criterion) => assess(criterion, entries, asOf, ms));
    const verdict = WORST.find((one) => criteria.some((each) => each.verdict === one)) ?? "not recorded";
    return { phase, verdict, criteria };
  });
