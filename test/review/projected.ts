import type { Sealed } from "../../lib/core/review/entry.ts";
import type { ReviewStore } from "../../lib/core/review/store.ts";
import { projectUntilIdle } from "../../lib/engine/project.ts";
import { type FaultPlan, faults } from "../../lib/memory/faults.ts";
import { memoryReview, type ReviewTable, reviewTable } from "../../lib/memory/review.ts";
import { arn, type Draft, logOf, START } from "./logs.ts";
import { by, sealedLog } from "./sealed.ts";

export const storeOf = (table: ReviewTable, plan: FaultPlan = {}): ReviewStore => memoryReview(table, faults(plan));
/** The projection of a whole log, built at once. */
export const whole = async (entries: readonly Sealed[]): Promise<ReviewTable> => {
  const [log, table] = [sealedLog(entries), reviewTable()];
  await log.seal();
  await projectUntilIdle({ read: log.read, by, store: storeOf(table) });
  return table;
};
export const registered = (stream: string, workload: string, at = START): Draft => ({
  stream,
  type: "inventory.registered",
  at,
  data: { kind: "postgres", workload, network: "default" },
});
/** A log of so many events of a few credentials, each about `width` bytes longer than it need be. */
export const many = (count: number, width = 0): readonly Sealed[] =>
  logOf(
    Array.from({ length: count }, (_, n) =>
      n % 7 === 0
        ? registered(arn(`c${n % 21}`), `w${n % 2}`, START + n * 60_000)
        : {
            stream: n % 7 === 1 ? "signals" : arn(`c${n % 21}`),
            type: "containment.failed",
            at: START + n * 60_000,
            data: { incident: `inc-${n % 3}`, step: "revoke", error: "x".repeat(width) },
          },
    ),
  );
