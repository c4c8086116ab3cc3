import type { Committed, Lock } from "../core/ledger/ports.ts";
import { type Faults, faults } from "./faults.ts";

/** Holds the lock record. */
export type LockCell = { record?: Committed };

/** The lock in a variable. */
export const memoryLock = (cell: LockCell, layer: Faults = faults()): Lock => ({
  read: () => layer.call("lock.read", () => cell.record && { ...cell.record }),
  create: (first) =>
    layer.call("lock.create", () => {
      cell.record ??= { ...first };
    }),
  commit: (next, from) =>
    layer.call("lock.commit", () => {
      if (cell.record?.size !== from || !cell.record.applied) return false;
      if (next.size <= from) throw new Error(`law broken: the log shrinks from ${from} to ${next.size}`);
      cell.record = { ...next };
      return true;
    }),
  settle: (size) =>
    layer.call("lock.settle", () => {
      if (cell.record?.size === size) cell.record = { ...cell.record, applied: true };
    }),
});
