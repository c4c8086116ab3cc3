import { Misconfigured } from "../core/errors.ts";
import type { Actor, LifecycleEvent } from "../core/events.ts";
import type { Incident } from "../core/incident.ts";
import type { Isolate, Isolated, IsolateReplies } from "../core/isolate.ts";
import { described } from "../core/sanitize.ts";
import type { Identifier } from "../core/types.ts";
import type { ContainWorld } from "./contain.ts";

/** What became of one function or task. `unable`: coming again would not change that. */
export type Isolation = {
  readonly target: Identifier;
  readonly isolated?: Isolated;
  readonly settlesInMs: number;
  readonly unable?: string;
};
type Done = Exclude<IsolateReplies["isolate"], { readonly unable: string }>;

const portOf = ({ isolate }: ContainWorld): Isolate => {
  if (isolate) return isolate;
  throw new Misconfigured("no isolate function is deployed: set isolate in the config and deploy");
};

const failure = (world: ContainWorld, incident: Incident, target: Identifier, error: unknown): LifecycleEvent => {
  const { name, message } = described(error);
  const at = world.clock.now();
  const data = { incident: incident.id, step: "isolate", error: `${name}: ${message}` };
  const id = `${incident.id}:failed:isolate:${target}:${at}`;
  return { id, stream: target, type: "containment.failed", at, actor: incident.actor, data };
};

const isolatedEvent = (world: ContainWorld, incident: Incident, done: Isolated): LifecycleEvent => {
  const { target, isolatedAt = world.clock.now(), verifiedAt, reasserts } = done;
  const { activityAt, receivedAt } = incident.timeline;
  return {
    id: `${incident.id}:isolated:${target}:${reasserts}`,
    stream: target,
    type: "containment.isolated",
    at: world.clock.now(),
    actor: incident.actor,
    reason: incident.reason,
    data: {
      incident: incident.id,
      target,
      seen: verifiedAt !== undefined,
      reasserts,
      activityToIsolatedMs: world.clock.between(activityAt, isolatedAt),
      receivedToIsolatedMs: world.clock.between(receivedAt, isolatedAt),
    },
  };
};

/** How it was is kept before anything is changed, so that a crash in between leaves something to take it back by. */
const surveyed = async (
  world: ContainWorld,
  incident: Incident,
  target: Identifier,
): Promise<Isolated | { readonly unable: string }> => {
  const known = (await world.incidents.get(incident.id))?.isolated?.[target];
  if (known) return known;
  const told = await portOf(world).call({ verb: "survey", incident: incident.id, target });
  if ("unable" in told) return told;
  const noted: Isolated = { target, undo: told.undo, reasserts: 0 };
  await world.incidents.isolated(incident.id, noted);
  return noted;
};

const asIsolated = (before: Isolated, { isolatedAt, verifiedAt, changed }: Done, counts: boolean): Isolated => ({
  ...before,
  isolatedAt: counts && changed ? isolatedAt : (before.isolatedAt ?? isolatedAt),
  reasserts: before.reasserts + (counts && changed ? 1 : 0),
  ...(verifiedAt && { verifiedAt }),
});

const isolateOne = async (world: ContainWorld, incident: Incident, target: Identifier): Promise<Isolation> => {
  const unable = (why: string): Isolation => {
    world.recorder.add(failure(world, incident, target, new Misconfigured(why)));
    return { target, settlesInMs: 0, unable: why };
  };
  const before = await surveyed(world, incident, target);
  if ("unable" in before) return unable(before.unable);
  const done = await portOf(world).call({ verb: "isolate", incident: incident.id, target });
  if ("unable" in done) return unable(done.unable);
  const isolated = asIsolated(before, done, false);
  await world.incidents.isolated(incident.id, isolated);
  world.recorder.add(isolatedEvent(world, incident, isolated));
  return { target, isolated, settlesInMs: done.settlesInMs };
};

/** Isolates an incident's functions and tasks, all at a time. What fails is recorded and comes again. */
export const isolateAll = (
  world: ContainWorld,
  incident: Incident,
): Promise<readonly PromiseSettledResult<Isolation>[]> =>
  Promise.allSettled(
    (incident.isolations ?? []).map(async (target) => {
      try {
        return await isolateOne(world, incident, target);
      } catch (error) {
        world.recorder.add(failure(world, incident, target, error));
        throw error;
      }
    }),
  );

const standing = ({ isolated = {} }: Incident): readonly Isolated[] =>
  Object.values(isolated).filter(({ isolatedAt, liftedAt }) => isolatedAt !== undefined && liftedAt === undefined);

/** Looks whether each is still isolated; one that is not is isolated again, and counted. */
export const holdIsolations = (
  world: ContainWorld,
  incident: Incident,
): Promise<readonly { readonly reasserts: number; readonly isProven: boolean }[]> =>
  Promise.all(
    standing(incident).map(async (before) => {
      const { target } = before;
      const done = await portOf(world).call({ verb: "isolate", incident: incident.id, target });
      // What is gone runs no more.
      if ("unable" in done) return { reasserts: 0, isProven: true };
      const isolated = asIsolated(before, done, true);
      await world.incidents.isolated(incident.id, isolated);
      const reasserts = isolated.reasserts - before.reasserts;
      if (reasserts > 0) world.recorder.add(isolatedEvent(world, incident, isolated));
      return { reasserts, isProven: done.verifiedAt !== undefined };
    }),
  );

/** Two incidents about one target may be answered in either order; older ones are not looked for, in ms. */
const BESIDE_MS = 86_400_000;

/** Another incident that has the same target isolated still: it takes over what undoing it needs. */
const heir = async (world: ContainWorld, incident: Incident, target: Identifier) => {
  const since = world.clock.after(incident.timeline.receivedAt, -BESIDE_MS);
  const others = (await world.incidents.since(since)).filter(({ id }) => id !== incident.id);
  for (const other of others) {
    const found = standing(other).find((one) => one.target === target);
    if (found && other.state !== "restored") return { id: other.id, found };
  }
  return undefined;
};

const releaseOne = async (world: ContainWorld, incident: Incident, before: Isolated, actor: Actor) => {
  const { target, undo } = before;
  const other = await heir(world, incident, target);
  // Whichever isolated it second had found it so: what it was at first goes to whoever lets go last.
  const isOlder = other && "reserved" in undo && undo.reserved !== 0;
  if (isOlder) await world.incidents.isolated(other.id, { ...other.found, undo });
  const { drift } = other
    ? { drift: [] }
    : await portOf(world).call({ verb: "release", incident: incident.id, target, undo });
  const at = world.clock.now();
  await world.incidents.isolated(incident.id, { ...before, liftedAt: at });
  world.recorder.add({
    id: `${incident.id}:isolation-lifted:${target}`,
    stream: target,
    type: "containment.isolation_lifted",
    at,
    actor,
    data: { incident: incident.id, target, drift, keptFor: other?.id ?? null },
  });
  return target;
};

/** Undoes every isolation of an incident, also one that a run which died may have begun. Twice is once. */
export const releaseIsolations = (
  world: ContainWorld,
  incident: Incident,
  actor: Actor,
): Promise<readonly Identifier[]> =>
  Promise.all(
    Object.values(incident.isolated ?? {})
      .filter(({ liftedAt }) => liftedAt === undefined)
      .map((before) => releaseOne(world, incident, before, actor)),
  );
