import type { Network } from "../core/commands.ts";
import type { LifecycleEvent } from "../core/events.ts";
import type { Inventory } from "../core/incident.ts";
import { MOST_AT_ONCE } from "../core/ledger/ports.ts";
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

type Indexed = { readonly found: Discovered; readonly event?: LifecycleEvent };

/** Undefined when it is no credential of ours. What the network cannot tell is left out, and the credential still is in. */
const index = async (world: DiscoverWorld, id: CredentialId): Promise<Indexed | undefined> => {
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
  const event: LifecycleEvent = {
    id: `registered:${kind}:${workload}:${network}`,
    stream: id,
    type: "inventory.registered",
    at: world.clock.now(),
    actor: { kind: "service", principal: "rekey-discover" },
    data: { kind, workload, network },
  };
  const problem = told.problem ?? enrolled.problem;
  return { found: problem ? { credential: id, problem } : { credential: id }, event };
};

const tried = async (world: DiscoverWorld, id: CredentialId): Promise<Indexed | undefined> => {
  try {
    return await index(world, id);
  } catch (error) {
    return { found: { credential: id, problem: described(error).message } };
  }
};

/** Records what was found, and adds to it which of it was not recorded. */
const registered = async (world: DiscoverWorld, indexed: readonly Indexed[]): Promise<readonly Discovered[]> => {
  const answers = [...(await world.ledger.appendBatch(indexed.flatMap(({ event }) => event ?? [])))];
  return indexed.map(({ found, event }) => {
    const answer = event && answers.shift();
    return answer && "error" in answer ? { ...found, problem: described(answer.error).message } : found;
  });
};

/**
 * Puts secrets into the identity index and answers for each that is a credential of ours, with why it could not be
 * resolved to all its names, or not at all. They are recorded as many at once as the ledger takes: a run that dies has
 * indexed more than it recorded, and the next one records the same.
 */
export const discover = async (world: DiscoverWorld, ids: readonly CredentialId[]): Promise<readonly Discovered[]> => {
  const found: Discovered[] = [];
  for (let from = 0; from < ids.length; from += MOST_AT_ONCE) {
    const indexed: Indexed[] = [];
    for (const id of ids.slice(from, from + MOST_AT_ONCE)) indexed.push(...[(await tried(world, id)) ?? []].flat());
    found.push(...(await registered(world, indexed)));
  }
  return found;
};
