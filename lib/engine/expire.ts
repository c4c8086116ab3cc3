import { type Actor, type LifecycleEvent, SIGNALS } from "../core/events.ts";
import type { Incident } from "../core/incident.ts";
import { described } from "../core/sanitize.ts";
import type { TimeBoxes } from "../core/time-box.ts";
import type { Clock, CredentialId, Instant } from "../core/types.ts";
import { restoreIncident } from "./after.ts";
import { lastRefused } from "./contain-events.ts";

const CLOCK: Actor = { kind: "schedule", principal: "rekey-clock" };
const REASON = "its time is over";

/** An incident whose time is over is sent for again after so many ms, as long as it is not undone. */
const AGAIN_MS = 600_000;
/** And one that waits for another to be undone, in ms. */
const SOON_MS = 60_000;
/** What cannot be undone as it is now is tried for so long, in ms. */
const GIVE_UP_MS = 86_400_000;

export type Expiring = {
  readonly boxes: Pick<TimeBoxes, "ended" | "lookAgain">;
  /** Has `expireIncident` called for it. */
  readonly expire: (incident: string) => Promise<void>;
  readonly clock: Clock;
};

/**
 * Has each incident undone whose time is over, `limit` at most; answers which. Sent for before it is put off: whatever
 * dies in between is sent for twice, and undone once.
 */
export const expireEnded = async ({ boxes, expire, clock }: Expiring, limit: number): Promise<readonly string[]> => {
  const now = clock.now();
  const ended = await boxes.ended(now, limit);
  for (const incident of ended) {
    await expire(incident);
    await boxes.lookAgain(incident, clock.after(now, AGAIN_MS));
  }
  return ended;
};

/** What was found dead by it, and by whose word it was killed again, would come alive without it. */
const wants = (later: Incident, credential: CredentialId, refusedAt: Instant | undefined): boolean =>
  later.plans.some((plan) => plan.credential === credential) &&
  ((later.progress[credential]?.killed.length ?? 0) > 0 || later.timeline.activityAt > (refusedAt ?? ""));

const isOver = ({ state, endsAt }: Incident, now: Instant) =>
  state === "restored" || (state === "void" && endsAt !== undefined && endsAt <= now);

/**
 * The later incidents that each credential of this one has to stay dead for. Those about activity from before it died
 * are none: nothing was done for them, since it was answered for.
 */
const claims = (
  incident: Incident,
  later: readonly Incident[],
  now: Instant,
): ReadonlyMap<CredentialId, readonly Incident[]> => {
  const standing = later.filter((one) => one.id !== incident.id && !isOver(one, now));
  const found = Object.entries(incident.progress).map(([credential, progress]) => {
    const id = credential as CredentialId;
    return [id, standing.filter((one) => wants(one, id, lastRefused(progress)))] as const;
  });
  return new Map(found.filter(([, by]) => by.length > 0));
};

/** When to look again at one that has to wait; undefined when its turn has come. */
const waitsUntil = (clock: Clock, endsAt: Instant, keepers: readonly Incident[]): Instant | undefined => {
  const now = clock.now();
  if (endsAt > now) return endsAt;
  const boxed = keepers.flatMap((later) => later.endsAt ?? []);
  // A later one that is over has its turn now, and this one after it.
  return boxed.length > 0 ? [clock.after(now, SOON_MS), ...boxed].sort().at(-1) : undefined;
};

const streamsOf = ({ plans, principals = [], isolations = [] }: Incident): readonly string[] => [
  ...plans.map(({ credential }) => credential),
  ...principals.map(({ principal }) => principal),
  ...isolations,
];

const expiredEvents = (
  clock: Clock,
  incident: Incident & { readonly endsAt: Instant },
  kept: ReadonlyMap<string, readonly Incident[]>,
): readonly LifecycleEvent[] => {
  return streamsOf(incident).map((stream) => ({
    id: `${incident.id}:expired`,
    stream,
    type: "containment.expired",
    at: clock.now(),
    actor: CLOCK,
    data: { incident: incident.id, endsAt: incident.endsAt, keptFor: kept.get(stream)?.at(-1)?.id ?? null },
  }));
};

type ExpireWorld = Parameters<typeof restoreIncident>[0];

const failed = (clock: Clock, incident: Incident, error: unknown): LifecycleEvent => {
  const { name, message } = described(error);
  return {
    // Once for each kind of failure, however often it is tried.
    id: `${incident.id}:failed:expire:${name}`,
    stream: streamsOf(incident)[0] ?? SIGNALS,
    type: "containment.failed",
    at: clock.now(),
    actor: CLOCK,
    data: { incident: incident.id, step: "expire", error: `${name}: ${message}` },
  };
};

const isFinal = (error: unknown) => error instanceof Error && /^(?:Conflict|Misconfigured|Unusable)$/.test(error.name);

/** False when what is there now cannot be undone: it was changed since, or its kind knows no undoing. */
const isUndone = async (world: ExpireWorld, incident: Incident, keep: ReadonlySet<CredentialId>): Promise<boolean> => {
  try {
    await restoreIncident(world, incident.id, CLOCK, { reason: REASON, keep });
    return true;
  } catch (error) {
    world.recorder.add(failed(world.clock, incident, error));
    await world.recorder.settled();
    if (!isFinal(error)) throw error;
    return false;
  }
};

/**
 * `restored` undone as `restore` does it · `early` its time is not over, or a later time-boxed incident has the same
 * credential: looked at again then · `claimed` being worked on still, looked at again at the next turn · `nothing` there
 * is nothing to undo · `drifted` it was changed since: tried for a day, then left to people.
 */
export type Expired = "restored" | "early" | "claimed" | "nothing" | "drifted";

/**
 * Undoes a containment whose time is over. A credential that a later incident wants dead stays so: that incident found it dead, and has
 * nothing of its own that keeps it so. Twice is once.
 */
export const expireIncident = async (world: ExpireWorld, id: string): Promise<Expired> => {
  const { incidents, clock, recorder } = world;
  const incident = await incidents.get(id);
  const endsAt = incident?.endsAt;
  if (!incident || !endsAt || incident.state === "void") {
    await incidents.closeBox(id);
    return "nothing";
  }
  if (incident.state === "claimed") return "claimed";
  const kept = claims(incident, await incidents.since(incident.timeline.receivedAt), clock.now());
  const until = waitsUntil(clock, endsAt, [...kept.values()].flat());
  if (until) {
    await incidents.lookAgain(id, until);
    return "early";
  }
  for (const event of expiredEvents(clock, { ...incident, endsAt }, kept)) recorder.add(event);
  if (await isUndone(world, incident, new Set(kept.keys()))) return "restored";
  if (clock.between(endsAt, clock.now()) > GIVE_UP_MS) await incidents.closeBox(id);
  return "drifted";
};
