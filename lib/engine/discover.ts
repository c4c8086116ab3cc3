import type { Network } from "../core/commands.ts";
import type { Inventory } from "../core/incident.ts";
import { described } from "../core/sanitize.ts";
import type { Timetable } from "../core/timetable.ts";
import type { Clock, Credential, CredentialId, Identifier, Ledger, WorkloadId } from "../core/types.ts";
import type { Vault } from "../core/vault.ts";
import { settings } from "./attach.ts";
import { enrol } from "./clock-enrol.ts";

export type DiscoverWorld = {
  readonly vault: Vault;
  readonly inventory: Inventory;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly timetable: Timetable;
  readonly clock: Clock;
};

export type Discovered = { readonly credential: CredentialId; readonly problem?: string };

const ROLE = /^arn:[^:]+:iam::(\d+):role\/(?:.*\/)?([^/]+)$/;

/** A workload named by its role is found by every way in which detectors name roles. */
const workloadNames = (workload: string): readonly Identifier[] => {
  const [, account, role] = ROLE.exec(workload) ?? [];
  const asRole: readonly Identifier[] = role ? [`iam-role:${account}/${role}`] : [];
  return workload ? [`workload:${workload}`, ...asRole] : [];
};

/** What its owner says of it; playbooks, authority and blast radius ask. */
const labelsOf = (tags: ReturnType<typeof settings>): Partial<Credential> => {
  const { environment, tier, "owned-by": owner, "data-class": dataClass, privilege } = tags;
  return {
    ...(environment && { environment }),
    ...(tier && { tier }),
    ...(owner && { owner }),
    ...(dataClass && { dataClass }),
    ...(privilege && { privilege }),
  };
};

/**
 * Puts one secret into the identity index, or tells why it could not be resolved to all its names. Undefined when it
 * is no credential of ours. What the network cannot tell is left out of the index, and the credential still is in it.
 */
export const discover = async (world: DiscoverWorld, id: CredentialId): Promise<Discovered | undefined> => {
  const entry = await world.vault.describe(id);
  const tags = settings(entry.tags);
  const { kind, workload = "", network = "default" } = tags;
  if (!kind) return undefined;
  const known = await world.inventory.get(id);
  const told = await world.network.call(network, { verb: "describe", credential: id }).then(
    ({ identifiers }) => ({ identifiers, problem: undefined }),
    (error) => ({ identifiers: known?.identifiers ?? [], problem: described(error).message }),
  );
  const credential: Credential = {
    id,
    name: entry.name,
    kind,
    workload: workload as WorkloadId,
    network,
    protected: tags["protected"] === "true",
    identifiers: [
      ...new Set<Identifier>([`secret:${id}`, `name:${entry.name}`, ...workloadNames(workload), ...told.identifiers]),
    ],
    ...(entry.rotatedAt && { rotatedAt: entry.rotatedAt }),
    ...labelsOf(tags),
  };
  const enrolled = await enrol(world, credential, entry, tags);
  await world.inventory.put({ ...credential, ...enrolled.facts });
  await world.ledger.append({
    id: `registered:${kind}:${workload}:${network}`,
    stream: id,
    type: "inventory.registered",
    at: world.clock.now(),
    actor: { kind: "service", principal: "rekey-discover" },
    data: { kind, workload, network },
  });
  const problem = told.problem ?? enrolled.problem;
  return problem ? { credential: id, problem } : { credential: id };
};
