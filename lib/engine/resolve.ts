import type { Inventory, Match } from "../core/incident.ts";
import type { Resolution } from "../core/resolution.ts";
import type { Signal } from "../core/types.ts";

export type ResolveWorld = { readonly inventory: Inventory };

const isIn =
  (account: string) =>
  ({ credential }: Match): boolean =>
    credential.id.split(":")[4] === account;

/** Every credential and principal that a signal's subjects lead to. Reads the index, never scans. */
export const resolve = async (world: ResolveWorld, signal: Signal): Promise<Resolution> => {
  // Names of secrets and pods say no account: a signal reaches the credentials of its own account and no other.
  const matches = (await world.inventory.find(signal.subjects)).filter(isIn(signal.account));
  return { matches, principals: [], unresolved: [] };
};
