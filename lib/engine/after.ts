import { Conflict, Misconfigured } from "../core/errors.ts";
import type { Actor } from "../core/events.ts";
import type { Incident, Plan } from "../core/incident.ts";
import type { CredentialId, Identifier, VersionId } from "../core/types.ts";
import { isAnswered } from "./attested.ts";
import type { ContainWorld } from "./contain.ts";
import { lastRefused } from "./contain-events.ts";
import { holdDenials, liftDenials } from "./deny.ts";
import { holdNarrow, widenOne } from "./narrow.ts";
import { holdWithholding, liftWithholding } from "./withholding.ts";

// Needed by few incidents; what answers signals loads it for those.
const isolating = () => import("./isolations.ts");

type Held = { readonly credential: CredentialId; readonly refused: readonly VersionId[]; readonly reasserts: number };

const holdOne = async (world: ContainWorld, incident: Incident, plan: Plan): Promise<Held | undefined> => {
  const progress = incident.progress[plan.credential];
  if (progress?.rescoping) {
    await holdNarrow(world, plan, progress.rescoping);
    return { credential: plan.credential, refused: [], reasserts: 0 };
  }
  const begunBefore = progress && (progress.installedAt ?? lastRefused(progress));
  if (!progress || !begunBefore) return undefined;
  const { credential } = plan;
  // Spared versions died with the replacement; without one they were left in force on purpose.
  const superseded = progress.replacement ? progress.spared : [];
  const versions = [...progress.killed.map(({ version }) => version), ...superseded];
  const reply = await world.network.call(plan.network, { verb: "hold", credential, versions, begunBefore });
  const reasserts = reply.reasserts + (await holdWithholding(world, incident, plan));
  return { credential, refused: reply.refused.map(({ version }) => version), reasserts };
};

const isHeld = (held: Held | undefined): held is Held => held !== undefined;

/**
 * Once everything begun before the kill must have ended: tries every killed version again. Only then is the incident
 * contained. A version that had come back is revoked again, counted, and the hold begins anew (`again`).
 */
export const holdIncident = async (
  world: ContainWorld,
  id: string,
): Promise<"contained" | "asked" | "again" | "skipped"> => {
  const incident = await world.incidents.get(id);
  // Its last call is still under way: it puts the hold on the queue before it says that it is done.
  if (incident?.state === "claimed") return "again";
  if (incident?.state !== "refused") return "skipped";
  // Denials first: whoever got out of one is about to read what the others keep shut.
  const denials = await holdDenials(world, incident);
  const held = (await Promise.all(incident.plans.map((plan) => holdOne(world, incident, plan)))).filter(isHeld);
  const heldAt = world.clock.now();
  for (const { credential, refused, reasserts } of held) {
    world.recorder.add({
      id: `${id}:held:${reasserts === 0 ? "quiet" : heldAt}`,
      stream: credential,
      type: "containment.held",
      at: heldAt,
      actor: incident.actor,
      data: { incident: id, refused, reasserts },
    });
  }
  const isolations = incident.isolated ? await (await isolating()).holdIsolations(world, incident) : [];
  await world.recorder.settled();
  if ([...held, ...denials, ...isolations].some(({ reasserts }) => reasserts > 0)) return "again";
  if ([...denials, ...isolations].some(({ isProven }) => !isProven)) return "again";
  // What only people can end is not contained by what holds beside it.
  const state = isAnswered(incident) ? "contained" : "asked";
  return (await world.incidents.move(id, ["refused"], state, { heldAt })) ? state : "skipped";
};

type Restoring = { readonly actor: Actor; readonly reason?: string; readonly keep?: ReadonlySet<CredentialId> };

const restoreOne = async (world: ContainWorld, incident: Incident, plan: Plan, { actor, reason, keep }: Restoring) => {
  const { credential } = plan;
  if (keep?.has(credential)) return [];
  const { killed = [], rescoping, asked = [] } = incident.progress[credential] ?? {};
  if (killed.length === 0 && !rescoping && asked.length === 0) return [];
  const versions = killed.map(({ version, undo }) => ({ version, undo }));
  await liftWithholding(world, incident, plan, actor);
  await unask(world, incident, credential);
  if (rescoping) await widenOne(world, plan, rescoping);
  const { restored } =
    versions.length > 0
      ? await world.network.call(plan.network, { verb: "restore", credential, versions })
      : { restored: [] };
  world.recorder.add({
    id: `${incident.id}:restored`,
    stream: credential,
    type: "containment.restored",
    at: world.clock.now(),
    actor,
    ...(reason && { reason }),
    data: { incident: incident.id, versions: restored },
  });
  return restored;
};

/** Nobody has to end any more what only this incident asked for; what a rotation had put on the list stays. */
const unask = async ({ retiring }: ContainWorld, { progress, timeline }: Incident, credential: CredentialId) => {
  const asked = progress[credential]?.asked ?? [];
  if (asked.length === 0) return;
  const own = (await retiring.all()).filter(
    (entry) => entry.credential === credential && asked.includes(entry.version) && entry.since >= timeline.receivedAt,
  );
  for (const entry of own) await retiring.strike(entry);
};

const releaseSome = async (world: ContainWorld, incident: Incident, actor: Actor) =>
  incident.isolated ? (await isolating()).releaseIsolations(world, incident, actor) : [];

const HOLD_AGAIN_MS = 5_000;

/** Undoes a containment: every version that it killed authenticates again, but of what `keep` names. Twice is once. */
export const restoreIncident = async (
  world: ContainWorld & { readonly holdLater: (incident: string, ms: number) => Promise<void> },
  id: string,
  actor: Actor,
  how: Omit<Restoring, "actor"> = {},
): Promise<{
  readonly incident: string;
  readonly restored: readonly VersionId[];
  readonly lifted?: readonly Identifier[];
  readonly released?: readonly Identifier[];
}> => {
  const incident = await world.incidents.get(id);
  if (!incident) throw new Misconfigured(`There is no incident ${id}. \`rekey status\` lists those there are.`);
  // Before the act, so that a hold that is due meanwhile leaves it alone.
  const moved = await world.incidents.move(id, ["refused", "contained", "asked", "restored"], "restored", {});
  if (!moved) throw new Conflict(`Incident ${id} is ${incident.state}: there is nothing of it to restore yet.`);
  const work = Promise.all([
    Promise.all(incident.plans.map((plan) => restoreOne(world, incident, plan, { actor, ...how }))),
    liftDenials(world, incident, actor),
    releaseSome(world, incident, actor),
  ]);
  const [restored, lifted, released] = await work.catch(async (error) => {
    await world.incidents.move(id, ["restored"], incident.state, {});
    // One that came meanwhile found nothing to hold.
    if (incident.state === "refused") await world.holdLater(id, HOLD_AGAIN_MS);
    throw error;
  });
  await world.recorder.settled();
  if (incident.endsAt) await world.incidents.closeBox(id);
  const also = { ...(lifted.length > 0 && { lifted }), ...(released.length > 0 && { released }) };
  return { incident: id, restored: restored.flat(), ...also };
};
