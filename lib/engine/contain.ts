import type { Network } from "../core/commands.ts";
import type { LifecycleEvent } from "../core/events.ts";
import type { Incident, Incidents, Plan, Progress } from "../core/incident.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, Instant } from "../core/types.ts";
import type { Recorder } from "./record.ts";

export type ContainWorld = {
  readonly incidents: Incidents;
  readonly network: Network;
  readonly clock: Clock;
  readonly recorder: Recorder;
};

export type Outcome = {
  readonly plan: Plan;
  readonly progress: Progress;
  /** `answered`: an earlier containment has dealt with everything before this activity. */
  readonly result: "refused" | "void" | "answered";
};

/** Someone else works on it, or a part failed: the delivery has to come again. */
export class Unfinished extends Error {
  override readonly name = "Unfinished";
}

/** How long a claim holds without news, in ms: a little longer than the function that answers signals may run. */
export const LEASE_MS = 125_000;

const laterThan = (instants: readonly Instant[]): Instant | undefined => [...instants].sort().at(-1);

export const lastRefused = ({ killed }: Progress) => laterThan(killed.map(({ refusedAt }) => refusedAt));
export const lastVerified = ({ killed }: Progress) => laterThan(killed.map(({ verifiedAt }) => verifiedAt));

const failure = (world: ContainWorld, incident: Incident, plan: Plan, step: string, error: unknown): LifecycleEvent => {
  const { name, message } = described(error);
  return {
    id: `${incident.id}:failed:${step}:${world.clock.now()}`,
    stream: plan.credential,
    type: "containment.failed",
    at: world.clock.now(),
    actor: incident.actor,
    data: { incident: incident.id, step, error: `${name}: ${message}` },
  };
};

const effective = (clock: Clock, incident: Incident, plan: Plan, progress: Progress): LifecycleEvent => {
  const { activityAt, receivedAt } = incident.timeline;
  const refusedAt = lastRefused(progress) ?? clock.now();
  const verifiedAt = lastVerified(progress) ?? clock.now();
  return {
    id: `${incident.id}:effective`,
    stream: plan.credential,
    type: "containment.effective",
    at: clock.now(),
    actor: incident.actor,
    reason: incident.reason,
    data: {
      incident: incident.id,
      refused: progress.killed.map(({ version }) => version),
      replacement: progress.replacement ?? null,
      sessionsEnded: progress.killed.reduce((sum, { sessionsEnded }) => sum + sessionsEnded, 0),
      activityToRefusedMs: clock.between(activityAt, refusedAt),
      receivedToRefusedMs: clock.between(receivedAt, refusedAt),
      receivedToVerifiedMs: clock.between(receivedAt, verifiedAt),
    },
  };
};

const replace = async (world: ContainWorld, incident: Incident, plan: Plan, before: Progress): Promise<Progress> => {
  if (!plan.replacement) return before;
  const { credential, network, replacement: attempt } = plan;
  const { actor } = incident;
  const rotated = await world.network.call(network, {
    verb: "rotate",
    credential,
    attempt,
    actor,
    reason: `containment ${incident.id}`,
    urgent: true,
  });
  for (const event of rotated.events ?? []) world.recorder.add(event);
  const { installedAt } = rotated;
  if (before.spared.length > 0) {
    await world.network.call(network, {
      verb: "hold",
      credential,
      versions: [...before.spared],
      begunBefore: installedAt,
    });
  }
  return { ...before, replacement: rotated.version, installedAt };
};

const revokeFirst = async (world: ContainWorld, incident: Incident, plan: Plan) => {
  const { credential, network, doomed, replacement } = plan;
  const target = typeof doomed === "string" ? doomed : [...doomed];
  const reply = await world.network.call(network, {
    verb: "revoke",
    credential,
    doomed: target,
    ...(replacement && { replacement }),
  });
  const progress: Progress = { killed: reply.killed, spared: reply.spared };
  await world.incidents.progress(incident.id, credential, progress);
  return { progress, currentDied: reply.currentDied };
};

/**
 * Ends what one plan dooms, then issues what it replaces. The kill comes before anything that could fail on its
 * behalf; what is done is kept after each part, so that a second run goes on from there.
 */
export const containOne = async (world: ContainWorld, incident: Incident, plan: Plan): Promise<Outcome> => {
  const { incidents, clock } = world;
  const now = clock.now();
  const claim = await incidents.claimCredential(plan.credential, incident.id, {
    activityAt: incident.timeline.activityAt,
    now,
    leaseUntil: clock.after(now, LEASE_MS),
  });
  if (claim === "busy") throw new Unfinished(`credential ${plan.credential} is being contained by another incident`);
  if (claim === "done") return { plan, progress: { killed: [], spared: [] }, result: "answered" };
  let step = "revoke";
  try {
    const { progress, currentDied } = await revokeFirst(world, incident, plan);
    const refusedAt = lastRefused(progress);
    if (!refusedAt) {
      await incidents.answer(plan.credential, incident.id, undefined);
      return { plan, progress, result: "void" };
    }
    const replaces = currentDied ? plan.replacement : undefined;
    world.recorder.add(effective(clock, incident, plan, { ...progress, ...(replaces && { replacement: replaces }) }));
    step = "rotate";
    const final = currentDied ? await replace(world, incident, plan, progress) : progress;
    await incidents.progress(incident.id, plan.credential, final);
    await incidents.answer(plan.credential, incident.id, refusedAt);
    return { plan, progress: final, result: "refused" };
  } catch (error) {
    world.recorder.add(failure(world, incident, plan, step, error));
    throw error;
  }
};
