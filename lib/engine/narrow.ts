import type { LifecycleEvent } from "../core/events.ts";
import type { Incident, Plan, Rescoping } from "../core/incident.ts";
import type { Clock, Instant } from "../core/types.ts";
import type { ContainWorld } from "./contain.ts";

const TOO_OLD = "its rotate function is older than this one; deploy again";

/** Narrower since then; or not, and why: coming again would not change that. */
type Done = (Rescoping & { readonly narrowedAt: Instant }) | { readonly unable: string };

/**
 * Makes a plan's credential narrower. How wide it was is kept before anything is narrowed, so that a crash in between
 * leaves something to take it back by; `known` is what an earlier run has kept.
 */
export const narrow = async (
  world: ContainWorld,
  incident: Incident,
  { credential, network, rescope: scope = "read-only" }: Plan,
  known: Rescoping | undefined,
): Promise<Done> => {
  const note = (rescoping: Rescoping) =>
    world.incidents.progress(incident.id, credential, { killed: [], spared: [], rescoping });
  const ask = (dryRun: boolean) => world.network.call(network, { verb: "rescope", credential, scope, dryRun });
  const looked = known ?? (await ask(true));
  if ("unable" in looked) return looked;
  if (!("undo" in looked)) return { unable: TOO_OLD };
  const { undo } = looked;
  if (!known) await note({ undo });
  const done = await ask(false);
  if ("unable" in done) return done;
  if (!("narrowedAt" in done)) return { unable: TOO_OLD };
  const { sessionsEnded, settlesInMs, narrowedAt } = done;
  const rescoping = { undo, sessionsEnded, settlesInMs, narrowedAt };
  await note(rescoping);
  return rescoping;
};

export const narrowedEvent = (
  clock: Clock,
  { id, actor, reason, timeline }: Incident,
  { credential, rescope = "read-only" }: Plan,
  { narrowedAt, sessionsEnded = 0 }: Rescoping & { readonly narrowedAt: Instant },
): LifecycleEvent => ({
  id: `${id}:narrowed`,
  stream: credential,
  type: "containment.narrowed",
  at: clock.now(),
  actor,
  reason,
  data: {
    incident: id,
    scope: rescope,
    sessionsEnded,
    activityToNarrowedMs: clock.between(timeline.activityAt, narrowedAt),
    receivedToNarrowedMs: clock.between(timeline.receivedAt, narrowedAt),
  },
});

/** Narrows it again, sparing what began after the first time: what began before and only now came alive ends. */
export const holdNarrow = async (
  world: ContainWorld,
  { credential, network, rescope: scope = "read-only" }: Plan,
  { narrowedAt }: Rescoping,
): Promise<void> => {
  await world.network.call(network, {
    verb: "rescope",
    credential,
    scope,
    ...(narrowedAt && { begunBefore: narrowedAt }),
  });
};

/** Takes it back, exactly. */
export const widenOne = async (
  world: ContainWorld,
  { credential, network }: Plan,
  { undo }: Rescoping,
): Promise<void> => {
  await world.network.call(network, { verb: "widen", credential, undo });
};
