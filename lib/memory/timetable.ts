import { type Due, lookAt, type TargetState, type Timetable } from "../core/timetable.ts";
import type { CredentialId, Instant } from "../core/types.ts";

/** The timetable in Maps, with the same conditions as the table's. */
export const memoryTimetable = (): Timetable => {
  const all = new Map<CredentialId, Due>();
  const targets = new Map<string, TargetState>();
  let lease: { readonly owner: string; readonly until: Instant } | undefined;
  const byLook = (a: Due, b: Due) => (lookAt(a) < lookAt(b) ? -1 : 1);

  return {
    get: async (id) => all.get(id),
    async put(due) {
      if ((all.get(due.credential)?.revision ?? 0) !== due.revision) return false;
      all.set(due.credential, structuredClone({ ...due, revision: due.revision + 1 }));
      return true;
    },
    due: async (now, limit) =>
      [...all.values()]
        .filter((due) => !due.parked && lookAt(due) <= now)
        .sort(byLook)
        .slice(0, limit),
    overdue: async () => [...all.values()].filter(({ overdueAt, parked }) => overdueAt && !parked).sort(byLook),
    target: async (name) => targets.get(name),
    async putTarget(state) {
      targets.set(state.target, state);
    },
    async lease(owner, now, until) {
      if (lease && lease.owner !== owner && lease.until > now) return false;
      lease = { owner, until };
      return true;
    },
    async release(owner) {
      if (lease?.owner === owner) lease = undefined;
    },
  };
};
