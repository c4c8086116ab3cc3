import type { LifecycleEvent } from "../core/events.ts";
import type { Incident, Plan, Progress } from "../core/incident.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, Instant, VersionId } from "../core/types.ts";

const laterThan = (instants: readonly Instant[]): Instant | undefined => [...instants].sort().at(-1);

const narrowedAt = ({ rescoping }: Progress): readonly Instant[] =>
  rescoping?.narrowedAt ? [rescoping.narrowedAt] : [];
export const lastRefused = (progress: Progress) =>
  laterThan([...progress.killed.map(({ refusedAt }) => refusedAt), ...narrowedAt(progress)]);
export const lastVerified = (progress: Progress) =>
  laterThan([...progress.killed.map(({ verifiedAt }) => verifiedAt), ...narrowedAt(progress)]);

/** A part of a containment did not succeed. */
export const failure = (
  world: { readonly clock: Clock },
  incident: Incident,
  plan: Plan,
  step: string,
  error: unknown,
): LifecycleEvent => {
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

/** Only people can end these versions, and they were asked to. */
export const askedEvent = (
  clock: Clock,
  incident: Incident,
  plan: Plan,
  versions: readonly VersionId[],
): LifecycleEvent => ({
  id: `${incident.id}:asked`,
  stream: plan.credential,
  type: "containment.asked",
  at: clock.now(),
  actor: incident.actor,
  reason: incident.reason,
  data: {
    incident: incident.id,
    versions,
    receivedToAskedMs: clock.between(incident.timeline.receivedAt, clock.now()),
  },
});

/** Every version that had to die was tried and refused. */
export const effective = (clock: Clock, incident: Incident, plan: Plan, progress: Progress): LifecycleEvent => {
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
