import type { Consumers, VersionUse } from "../core/adoption.ts";
import type { Of, Replies } from "../core/commands.ts";
import { Misconfigured } from "../core/errors.ts";
import type { Actor } from "../core/events.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, CredentialId, Ledger, VersionId } from "../core/types.ts";
import type { Vault } from "../core/vault.ts";
import type { Attached } from "./attach.ts";
import { type KillWorld, open, type Version } from "./open.ts";

const useOf = async (
  attached: Attached,
  { stage, held, material }: Version,
  signal: AbortSignal,
): Promise<VersionUse> => {
  const about = { version: held.version, stage: stage as VersionUse["stage"], names: attached.identifiers(held) };
  if (!attached.verbs.uses) return about;
  try {
    return { ...about, use: await attached.verbs.uses({ target: attached.target, material, signal }) };
  } catch (error) {
    signal.throwIfAborted();
    return { ...about, doubt: described(error).message };
  }
};

/** Asks the target who uses the current and the previous version. Reads only. */
export const uses = async (
  world: KillWorld,
  { credential }: Of<"uses">,
  signal: AbortSignal,
): Promise<Replies["uses"]> => {
  const { attached, versions } = await open(world, credential);
  const labelled = versions.filter(({ stage }) => stage === "current" || stage === "previous");
  const told: VersionUse[] = [];
  for (const version of labelled) told.push(await useOf(attached, version, signal));
  return { kind: attached.kind, versions: told };
};

export type AcknowledgeWorld = {
  readonly vault: Pick<Vault, "describe">;
  readonly consumers: Consumers;
  readonly ledger: Pick<Ledger, "append">;
  readonly clock: Clock;
};

export type Acknowledgement = {
  readonly credential: CredentialId;
  readonly consumer: string;
  /** Null: the consumer is gone, and nothing waits for it any more. */
  readonly version: VersionId | null;
  readonly actor: Actor;
};

/** Registers that a consumer works with a version. Throws Misconfigured when the version carries no label. */
export const acknowledge = async (
  world: AcknowledgeWorld,
  { credential, consumer, version, actor }: Acknowledgement,
): Promise<{ readonly isCurrent: boolean }> => {
  const { labels } = await world.vault.describe(credential);
  if (version && !Object.values(labels).includes(version)) {
    throw new Misconfigured(
      `Secret ${credential} has no labelled version ${version}; its current one is ${labels.current ?? "(none)"}. Give the VersionId that GetSecretValue answered.`,
    );
  }
  const at = world.clock.now();
  await world.ledger.append({
    id: version ? `acknowledged:${consumer}:${version}` : `acknowledged:${consumer}:gone:${at}`,
    stream: credential,
    type: "consumer.acknowledged",
    at,
    actor,
    data: { consumer, version },
  });
  if (version) await world.consumers.put(credential, { name: consumer, version, at, by: actor.principal });
  else await world.consumers.remove(credential, consumer);
  return { isCurrent: version === labels.current };
};
