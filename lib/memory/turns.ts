import type { Locks } from "../core/locks.ts";
import type { RetireList, Retiring } from "../core/retiring.ts";
import type { CredentialId, Identifier, Instant } from "../core/types.ts";

/** Turns in a Map. */
export const memoryLocks = (): Locks => {
  const held = new Map<Identifier, { readonly holder: CredentialId; readonly until: Instant }>();
  return {
    async take(identity, holder, { now, until, force = false }) {
      const other = held.get(identity);
      if (other && !force && other.holder !== holder && other.until >= now) return other;
      held.set(identity, { holder, until });
      return "taken";
    },
    async release(identity, holder) {
      if (held.get(identity)?.holder === holder) held.delete(identity);
    },
  };
};

/** The must-die list in a Map. */
export const memoryRetireList = (): RetireList => {
  const entries = new Map<string, Retiring>();
  const nameOf = ({ credential, version }: Pick<Retiring, "credential" | "version">) => `${credential} ${version}`;
  const sorted = () => [...entries.values()].sort((a, b) => a.dueAt.localeCompare(b.dueAt));
  return {
    async add(entry) {
      if (!entries.has(nameOf(entry))) entries.set(nameOf(entry), entry);
    },
    due: async (now, limit) =>
      sorted()
        .filter(({ dueAt }) => dueAt <= now)
        .slice(0, limit),
    all: async () => sorted(),
    async postpone(entry, dueAt, why) {
      if (entries.has(nameOf(entry)))
        entries.set(nameOf(entry), { ...entry, dueAt, why, attempts: entry.attempts + 1 });
    },
    async strike(entry) {
      entries.delete(nameOf(entry));
    },
  };
};
