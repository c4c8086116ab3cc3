import { attested, type Evidence } from "../core/attestation.ts";
import { Misconfigured } from "../core/errors.ts";
import type { Actor, LifecycleEvent } from "../core/events.ts";
import type { Incident, Incidents, Inventory, Progress } from "../core/incident.ts";
import type { RetireList } from "../core/retiring.ts";
import type { Clock, CredentialId, Ledger, VersionId } from "../core/types.ts";

export type AttestWorld = {
  readonly incidents: Pick<Incidents, "recent" | "progress" | "move">;
  readonly inventory: Pick<Inventory, "get">;
  readonly retiring: Pick<RetireList, "strike">;
  readonly ledger: Pick<Ledger, "append">;
  /** The kinds whose versions only people make and end. */
  readonly byPeople: readonly string[];
  readonly clock: Clock;
};

/** A person's word that a provider has ended a version. */
export type Ended = {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly evidence: readonly Evidence[];
  readonly actor: Actor;
  readonly reason?: string;
};

const LOOKED_AT = 500;

const isWhole = ({ asked = [], attested: said = [] }: Progress) => asked.every((version) => said.includes(version));

/** Whether people have attested the end of everything that an incident asked them to end. */
export const isAnswered = ({ progress }: Pick<Incident, "progress">): boolean => Object.values(progress).every(isWhole);

const endedEvent = (clock: Clock, incident: Incident, { credential, actor }: Ended, all: Progress): LifecycleEvent => {
  const { activityAt, receivedAt } = incident.timeline;
  const at = clock.now();
  return {
    id: `${incident.id}:attested`,
    stream: credential,
    type: "containment.attested",
    at,
    actor,
    data: {
      incident: incident.id,
      versions: all.asked ?? [],
      activityToAttestedMs: clock.between(activityAt, at),
      receivedToAttestedMs: clock.between(receivedAt, at),
    },
  };
};

/** Notes it in one incident that asked for it; the incident is contained once nothing of it is asked for any more. */
const answerOne = async (world: AttestWorld, incident: Incident, ended: Ended): Promise<void> => {
  const before = incident.progress[ended.credential];
  if (!before) return;
  const progress: Progress = { ...before, attested: [...new Set([...(before.attested ?? []), ended.version])] };
  await world.incidents.progress(incident.id, ended.credential, progress);
  if (!isWhole(progress)) return;
  await world.ledger.append(endedEvent(world.clock, incident, ended, progress));
  if (isAnswered({ progress: { ...incident.progress, [ended.credential]: progress } }))
    await world.incidents.move(incident.id, ["asked"], "contained", {});
};

const check = async ({ inventory, byPeople }: AttestWorld, { credential: id, actor }: Ended): Promise<void> => {
  const credential = await inventory.get(id);
  if (!credential)
    throw new Misconfigured(`Credential ${id} is not in the inventory. \`rekey inventory\` lists what is.`);
  if (actor.kind === "agent") throw new Misconfigured("An agent may not attest: it takes a person's word.");
  if (byPeople.includes(credential.kind)) return;
  throw new Misconfigured(
    `Credential ${id} is of kind ${credential.kind}, whose versions Rekey tries itself: nobody's word stands in for that. \`rekey contain\` ends it.`,
  );
};

/**
 * Takes a person's word, with evidence, that a version is dead at its provider: recorded first, then noted in whatever
 * asked for it, then struck off the must-die list. Twice is once; what a crash has left undone the same word repairs.
 */
export const attestEnded = async (
  world: AttestWorld,
  ended: Ended,
): Promise<{
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly incidents: readonly string[];
}> => {
  await check(world, ended);
  const { credential, version } = ended;
  await world.ledger.append(attested(world.clock, { ...ended, says: "ended" }));
  const recent = await world.incidents.recent(LOOKED_AT);
  const asking = recent.filter(({ progress }) => progress[credential]?.asked?.includes(version));
  for (const incident of asking) await answerOne(world, incident, ended);
  await world.retiring.strike({ credential, version });
  return { credential, version, incidents: asking.map(({ id }) => id) };
};
