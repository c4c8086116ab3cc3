import { type Proposal, type Proposals, placeOf } from "../core/proposal.ts";

/** Proposals in a Map, with the same conditions as the table's writes. */
export const memoryProposals = (): Proposals => {
  const kept = new Map<string, Proposal>();
  const put = (proposal: Proposal): Proposal => {
    const next = structuredClone({ ...proposal, revision: proposal.revision + 1 });
    kept.set(proposal.id, next);
    return next;
  };
  return {
    open: async (proposal) => kept.get(proposal.id) ?? put({ ...proposal, revision: 0 }),
    get: async (id) => kept.get(id),
    async replace(proposal) {
      if (kept.get(proposal.id)?.revision !== proposal.revision) return false;
      put(proposal);
      return true;
    },
    list: async (state, limit, behind) =>
      [...kept.values()]
        .filter((one) => one.state === state && (behind === undefined || placeOf(one) < behind))
        .sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1))
        .slice(0, limit),
  };
};
