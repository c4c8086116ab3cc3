import type { Network } from "../core/commands.ts";
import { Misconfigured } from "../core/errors.ts";
import type { Incident, Incidents, Plan, Progress } from "../core/incident.ts";
import type { Isolate } from "../core/isolate.ts";
import type { RetireList } from "../core/retiring.ts";
import type { Clock } from "../core/types.ts";
import { askedEvent, effective, failure, lastRefused } from "./contain-events.ts";
import { narrow, narrowedEvent } from "./narrow.ts";
import type { Recorder } from "./record.ts";
import type { RungWorld } from "./rungs.ts";
import { settleWithholding, withholdFrom } from "./withholding.ts";

export type ContainWorld = RungWorld & {
  readonly incidents: Incidents;
  /** What only people can end waits there. */
  readonly retiring: Pick<RetireList, "all" | "strike">;
  readonly network: Network;
  /** Absent where no isolate function is deployed: then nothing is throttled or stopped. */
  readonly isolate?: Isolate;
  /** Waited for before fresh material is issued: whoever is still inside would read it. */
  readonly beforeFresh?: () => Promise<void>;
  readonly clock: Clock;
  readonly recorder: Recorder;
};

export type Outcome = {
  readonly plan: Plan;
  readonly progress: Progress;
  /**
   * `answered`: an earlier containment has dealt with everything before this activity. `unable`: the credential cannot be
   * made narrower, and coming again would not change that. `asked`: only people can end it.
   */
  readonly result: "refused" | "void" | "answered" | "unable" | "asked";
};

/** Someone else works on it, or a part failed: the delivery has to come again. */
export class Unfinished extends Error {
  override readonly name = "Unfinished";
}

/** An incident that has died holds the credential: it has to be finished first. */
export class Abandoned extends Error {
  override readonly name = "Abandoned";
  readonly by: string;
  constructor(credential: string, by: string) {
    super(`credential ${credential} is held by incident ${by}, whose run has died`);
    this.by = by;
  }
}

/** How long a claim holds without news, in ms: a little longer than the function that answers signals may run. */
export const LEASE_MS = 125_000;

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

/**
 * Ends the current version at once. Others that work are noted before they are ended, so that a run that finds them dead
 * knows whose doing it was, and a restore brings them back; where they cannot be noted they are ended all the same.
 */
const revokeAll = async (world: ContainWorld, incident: Incident, plan: Plan) => {
  const { credential, network, doomed, replacement } = plan;
  const target = typeof doomed === "string" ? doomed : [...doomed];
  const kept = incident.progress[credential]?.doomed ?? [];
  const command = { verb: "revoke", credential, doomed: target, ...(replacement && { replacement }) } as const;
  const first = await world.network.call(network, { ...command, noted: [...kept] });
  const { left = [], killed, spared } = first;
  if (left.length === 0) return { ...first, noted: kept };
  const noted = [...new Set([...kept, ...left])];
  await world.incidents.progress(incident.id, credential, { killed, spared, doomed: noted }).catch(() => undefined);
  const rest = await world.network.call(network, { ...command, noted, rest: true });
  return { ...rest, currentDied: first.currentDied, killed: [...killed, ...rest.killed], noted };
};

const revokeFirst = async (world: ContainWorld, incident: Incident, plan: Plan) => {
  const { credential } = plan;
  const reply = await revokeAll(world, incident, plan);
  const { killed, spared, asked, noted } = reply;
  const { attested } = incident.progress[credential] ?? {};
  const progress: Progress = {
    killed,
    spared,
    ...(noted.length > 0 && { doomed: noted }),
    ...(asked && { asked }),
    ...(attested && { attested }),
  };
  await world.incidents.progress(incident.id, credential, progress);
  // A kind that nothing replaces is contained with its kill.
  return { progress, replaces: reply.currentDied && !reply.containedOnly };
};

/** Whoever is still inside, or holds a session, must not read what is issued next. */
const beforeFresh = async (world: ContainWorld, incident: Incident, plan: Plan): Promise<Partial<Progress>> => {
  const withheld = await withholdFrom(world, incident, plan);
  if (withheld && "unable" in withheld) world.recorder.add(failure(world, incident, plan, "withhold", withheld.unable));
  await world.beforeFresh?.();
  if (!withheld || "unable" in withheld) return {};
  await settleWithholding(world, withheld.since);
  return { withheldAt: withheld.since };
};

const NOTHING: Progress = { killed: [], spared: [] };
type Steps = { readonly begin: (step: string) => void };

const killOne = async (world: ContainWorld, incident: Incident, plan: Plan, { begin }: Steps): Promise<Outcome> => {
  begin("revoke");
  const { progress, replaces } = await revokeFirst(world, incident, plan);
  if (progress.asked?.length) {
    world.recorder.add(askedEvent(world.clock, incident, plan, progress.asked));
    return { plan, progress, result: "asked" };
  }
  if (!lastRefused(progress)) return { plan, progress, result: "void" };
  const replacement = replaces ? plan.replacement : undefined;
  world.recorder.add(effective(world.clock, incident, plan, { ...progress, ...(replacement && { replacement }) }));
  begin("quarantine");
  const shut = replacement ? await beforeFresh(world, incident, plan) : {};
  begin("rotate");
  const final = replaces ? await replace(world, incident, plan, { ...progress, ...shut }) : progress;
  await world.incidents.progress(incident.id, plan.credential, final);
  return { plan, progress: final, result: "refused" };
};

const narrowOne = async (world: ContainWorld, incident: Incident, plan: Plan, { begin }: Steps): Promise<Outcome> => {
  begin("rescope");
  // A run before this one may have narrowed it already: what it was is then known by that run's note alone.
  const kept = (await world.incidents.get(incident.id))?.progress[plan.credential] ?? NOTHING;
  const done = await narrow(world, incident, plan, kept.rescoping);
  if ("unable" in done) {
    world.recorder.add(failure(world, incident, plan, "rescope", new Misconfigured(done.unable)));
    return { plan, progress: kept, result: "unable" };
  }
  world.recorder.add(narrowedEvent(world.clock, incident, plan, done));
  return { plan, progress: { ...kept, rescoping: done }, result: "refused" };
};

/**
 * Ends what one plan dooms, then issues what it replaces; or makes its credential narrower. The act comes before
 * anything that could fail on its behalf; what is done is kept after each part, so that a second run goes on from there.
 */
export const containOne = async (
  world: ContainWorld,
  incident: Incident,
  plan: Plan,
  takeOver?: string,
): Promise<Outcome> => {
  const { incidents, clock } = world;
  const now = clock.now();
  const claim = await incidents.claimCredential(plan.credential, incident.id, {
    activityAt: incident.timeline.activityAt,
    now,
    leaseUntil: clock.after(now, LEASE_MS),
    ...(takeOver && { takeOver }),
  });
  if (typeof claim === "object") throw new Abandoned(plan.credential, claim.abandonedBy);
  if (claim === "busy") throw new Unfinished(`credential ${plan.credential} is being contained by another incident`);
  if (claim === "done") return { plan, progress: NOTHING, result: "answered" };
  let step = "claim";
  const steps: Steps = {
    begin: (name) => {
      step = name;
    },
  };
  try {
    const outcome = await (plan.rescope ? narrowOne : killOne)(world, incident, plan, steps);
    // What was only narrowed is not answered for: a stronger signal about the same activity still has it revoked.
    const answered = plan.rescope ? undefined : lastRefused(outcome.progress);
    await incidents.answer(plan.credential, incident.id, answered);
    return outcome;
  } catch (error) {
    world.recorder.add(failure(world, incident, plan, step, error));
    throw error;
  }
};
