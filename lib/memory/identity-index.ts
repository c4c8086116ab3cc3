import type { IdentityIndex, IndexState, Leads, Reach, ReachedBy, ReadEdge } from "../core/identity/index-port.ts";
import type { CredentialId, Identifier, Instant } from "../core/types.ts";

type Written<T> = { readonly value: T; readonly at: Instant };
const accountOf = (principal: Identifier) => principal.split(/[:/]/)[1] ?? "";

/** The identity index in Maps, forgetting as the table's does. */
export const memoryIdentities = (): IdentityIndex => {
  const leads = new Map<string, Written<Leads>>();
  const reaches = new Map<Identifier, Written<Reach>>();
  const reachedBy = new Map<CredentialId, Written<ReachedBy>>();
  const states = new Map<string, IndexState>();
  const reads = new Map<string, ReadEdge>();
  const leases = new Map<string, Instant>();

  const isValid = (at: Instant, since: Instant | undefined) => since === undefined || at >= since;

  return {
    async leads(account, keys) {
      const state = states.get(account);
      const found = keys.flatMap((key) => {
        const kept = leads.get(`${account} ${key}`);
        return kept && isValid(kept.at, state?.valid[kept.value.part]) ? [kept.value] : [];
      });
      return { found, state };
    },
    async reaches(state, principals) {
      return principals.flatMap((id) => {
        const kept = reaches.get(id);
        return kept && isValid(kept.at, state?.valid.entities) ? [kept.value] : [];
      });
    },
    async reachedBy(state, credential) {
      const kept = reachedBy.get(credential);
      return kept && isValid(kept.at, state?.valid.entities) ? kept.value : undefined;
    },
    state: async (account) => states.get(account),
    async begin(account, now, leaseUntil) {
      if ((leases.get(account) ?? now) > now) return false;
      leases.set(account, leaseUntil);
      return true;
    },
    giveUp: async (account) => void leases.delete(account),
    async putLeads(account, all, at) {
      for (const one of all) leads.set(`${account} ${one.key}`, { value: one, at });
    },
    async putReaches(all, at) {
      for (const one of all) reaches.set(one.principal.id, { value: one, at });
    },
    async putReachedBy(all, at) {
      for (const one of all) reachedBy.set(one.credential, { value: one, at });
    },
    async complete(state, begunAt) {
      leases.delete(state.account);
      const dirtyAt = states.get(state.account)?.dirtyAt;
      const { dirtyAt: _, ...clean } = state;
      states.set(state.account, { ...clean, ...(dirtyAt && dirtyAt >= begunAt && { dirtyAt }) });
    },
    async soil(account, at) {
      const known = states.get(account) ?? { account, valid: {} };
      states.set(account, { ...known, dirtyAt: at });
    },
    reads: async (account) => [...reads.values()].filter(({ principal }) => accountOf(principal) === account),
    async putReads(_, edges) {
      for (const edge of edges) reads.set(`${edge.principal} ${edge.credential}`, edge);
    },
  };
};
