import type { Secret } from "../core/secret.ts";
import type { Clock, CredentialId, Deps, Rotator, Stage, VersionId } from "../core/types.ts";
import type { Held, Vault, VaultEntry } from "../core/vault.ts";
import { type Attached, attach } from "./attach.ts";

export type KillWorld = {
  readonly vault: Vault;
  readonly clock: Clock;
  readonly rotators: readonly Rotator[];
  readonly deps: Deps;
};

export type Version = { readonly stage: Stage | "unlabelled"; readonly held: Held; readonly material: Secret<unknown> };
export type Open = { readonly entry: VaultEntry; readonly attached: Attached; readonly versions: readonly Version[] };

const asVersion = (attached: Attached, stage: Version["stage"], held: Held | undefined): readonly Version[] => {
  const material = attached.material(held);
  return held && material ? [{ stage, held, material }] : [];
};

/**
 * The credential with its current version, and a promise of its other labelled ones: on the way to a kill a round trip
 * counts more than a call, and what the kill does not wait for is asked after what it does.
 */
export const openCurrent = async (world: KillWorld, id: CredentialId) => {
  const first = [world.vault.describe(id), world.vault.read(id, { stage: "current" })] as const;
  const [entry, current] = await Promise.all(first);
  const attached = attach(world.rotators, world.deps, entry);
  const opened: Open = { entry, attached, versions: asVersion(attached, "current", current) };
  const stages = ["previous", "pending"] as const;
  const others = async (): Promise<readonly Version[]> => {
    const held = await Promise.all(stages.map((stage) => world.vault.read(id, { stage })));
    const versions = stages.flatMap((stage, i) => asVersion(attached, stage, held[i]));
    const known = new Set<VersionId | undefined>([current?.version]);
    return versions.filter(({ held: { version } }) => !known.has(version) && known.add(version));
  };
  return { opened, others };
};

/** The credential with every labelled version that has a value, current first. */
export const open = async (world: KillWorld, id: CredentialId): Promise<Open> => {
  const { opened, others } = await openCurrent(world, id);
  return { ...opened, versions: [...opened.versions, ...(await others())] };
};

/** A version of the credential by its id, whether or not it still has a label; empty when it is gone. */
export const byId = async (world: KillWorld, opened: Open, version: VersionId): Promise<readonly Version[]> => {
  const known = opened.versions.filter(({ held }) => held.version === version);
  if (known.length > 0) return known;
  return asVersion(opened.attached, "unlabelled", await world.vault.read(opened.entry.id, { version }));
};
