import { faultOf, Misconfigured } from "../core/errors.ts";
import type { Actor, LifecycleEvent } from "../core/events.ts";
import type { Incident } from "../core/incident.ts";
import type { PrincipalPlan, Quarantined } from "../core/quarantine.ts";
import type { Imposed } from "../core/quarantine-commands.ts";
import { settlesMs } from "../core/quarantine-policy.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, Identifier } from "../core/types.ts";
import { type ContainWorld, Unfinished } from "./contain.ts";
import { holdRung, imposeRung, liftRungs } from "./rungs.ts";

/** What became of one principal. `unable`: coming again would not change that. */
export type Denied = {
  readonly plan: PrincipalPlan;
  readonly quarantined?: Quarantined;
  readonly settlesInMs: number;
  readonly unable?: string;
};

const failure = (clock: Clock, incident: Incident, principal: Identifier, error: unknown): LifecycleEvent => {
  const { name, message } = described(error);
  return {
    id: `${incident.id}:failed:quarantine:${principal}:${clock.now()}`,
    stream: principal,
    type: "containment.failed",
    at: clock.now(),
    actor: incident.actor,
    data: { incident: incident.id, step: "quarantine", error: `${name}: ${message}` },
  };
};

const imposedEvent = (clock: Clock, incident: Incident, done: Quarantined): LifecycleEvent => {
  const { activityAt, receivedAt } = incident.timeline;
  return {
    id: `${incident.id}:quarantined:${done.principal}:${done.rung}:${done.reasserts}`,
    stream: done.principal,
    type: "containment.quarantined",
    at: clock.now(),
    actor: incident.actor,
    reason: incident.reason,
    data: {
      incident: incident.id,
      principal: done.principal,
      rung: done.rung,
      evidence: done.evidence ?? null,
      reasserts: done.reasserts,
      activityToDeniedMs: clock.between(activityAt, done.deniedAt),
      receivedToDeniedMs: clock.between(receivedAt, done.deniedAt),
    },
  };
};

const quarantinedAs = (
  { principal }: PrincipalPlan,
  imposed: Imposed,
  before?: Quarantined,
  reasserts = 0,
): Quarantined => {
  const { rung, verifiedAt, evidence, deniedAt } = imposed;
  // A denial that stands stays as old as it is.
  const isOlder = before !== undefined && reasserts === before.reasserts;
  return {
    principal,
    rung,
    deniedAt: isOlder ? before.deniedAt : deniedAt,
    reasserts,
    ...(verifiedAt && { verifiedAt }),
    ...(evidence && { evidence }),
  };
};

const denyOne = async (world: ContainWorld, incident: Incident, plan: PrincipalPlan): Promise<Denied> => {
  const before = incident.quarantined?.[plan.principal];
  if (before?.verifiedAt) {
    // A run that died after its note may not have recorded it; twice is once.
    world.recorder.add(imposedEvent(world.clock, incident, before));
    return { plan, quarantined: before, settlesInMs: settlesMs(before.rung) };
  }
  const imposed = await imposeRung(world, { verb: "impose", incident: incident.id, plan });
  if ("wouldDeny" in imposed) throw new Error(`${plan.principal}: a dry run was answered that nobody asked for`);
  if ("unable" in imposed) {
    world.recorder.add(failure(world.clock, incident, plan.principal, new Misconfigured(imposed.unable)));
    return { plan, settlesInMs: 0, unable: imposed.unable };
  }
  const quarantined = quarantinedAs(plan, imposed, before, before?.reasserts ?? 0);
  await world.incidents.quarantined(incident.id, quarantined);
  world.recorder.add(imposedEvent(world.clock, incident, quarantined));
  return { plan, quarantined, settlesInMs: imposed.settlesInMs };
};

/** Denies an incident's principals, all at a time. What fails is recorded, and does not hold up what else has to die. */
export const denyAll = (world: ContainWorld, incident: Incident): Promise<readonly PromiseSettledResult<Denied>[]> =>
  Promise.allSettled(
    (incident.principals ?? []).map(async (plan) => {
      try {
        return await denyOne(world, incident, plan);
      } catch (error) {
        world.recorder.add(failure(world.clock, incident, plan.principal, error));
        throw error;
      }
    }),
  );

/** Denied, and IAM's simulation has not shown it yet: the incident is not done. */
export const unproven = ({ quarantined }: Denied): boolean =>
  quarantined !== undefined && quarantined.verifiedAt === undefined;

const isImposed = (incident: Incident) => (plan: PrincipalPlan) => {
  const done = incident.quarantined?.[plan.principal];
  return done !== undefined && done.liftedAt === undefined;
};

export type HeldDenial = { readonly principal: Identifier; readonly reasserts: number; readonly isProven: boolean };

const holdOne = async (world: ContainWorld, incident: Incident, plan: PrincipalPlan): Promise<HeldDenial> => {
  const { principal } = plan;
  const { clock } = world;
  const before = incident.quarantined?.[principal] as Quarantined;
  const held = await holdRung(world, incident.id, plan, before, (error) =>
    world.recorder.add(failure(clock, incident, principal, error)),
  );
  if ("unable" in held) throw new Misconfigured(`${principal} is no longer denied: ${held.unable}`);
  const { reasserts } = held;
  const quarantined = quarantinedAs(plan, held, before, before.reasserts + reasserts);
  await world.incidents.quarantined(incident.id, quarantined);
  if (reasserts > 0) world.recorder.add(imposedEvent(world.clock, incident, quarantined));
  const hasSettled = clock.between(quarantined.deniedAt, clock.now()) >= held.settlesInMs;
  return { principal, reasserts, isProven: hasSettled && quarantined.verifiedAt !== undefined };
};

/** Looks whether every denial of an incident is still there; one that is gone is written again, a rung wider. */
export const holdDenials = (world: ContainWorld, incident: Incident): Promise<readonly HeldDenial[]> =>
  Promise.all((incident.principals ?? []).filter(isImposed(incident)).map((plan) => holdOne(world, incident, plan)));

/** Each look takes as long as IAM may; the function that answers signals has two minutes. */
const LOOKS = 4;

/**
 * Waits until every denial of an incident has been in force for as long as IAM may take, and writes those again that are
 * gone. Throws Unfinished when one does not hold.
 */
export const settleDenials = async (world: ContainWorld, id: string): Promise<void> => {
  const { clock, incidents } = world;
  for (let n = 0; n < LOOKS; n++) {
    const incident = await incidents.get(id);
    const imposed = incident?.principals?.filter(isImposed(incident)) ?? [];
    if (!incident || imposed.length === 0) return;
    const lefts = imposed.flatMap(({ principal }) => {
      const done = incident.quarantined?.[principal];
      return done ? [settlesMs(done.rung) - clock.between(done.deniedAt, clock.now())] : [];
    });
    const left = Math.max(...lefts);
    if (left > 0) await clock.sleep(left);
    const held = await holdDenials(world, incident);
    if (held.every(({ reasserts, isProven }) => reasserts === 0 && isProven)) return;
  }
  throw new Unfinished(`incident ${id}: a denial does not hold, so that nothing fresh is issued yet`);
};

/** Takes every denial of an incident away again. Also what a run that died may have written and not noted. */
export const liftDenials = async (
  world: ContainWorld,
  incident: Incident,
  actor: Actor,
): Promise<readonly Identifier[]> => {
  const lifted = (incident.principals ?? []).map(async (plan) => {
    const { principal } = plan;
    const before = incident.quarantined?.[principal];
    const told = await liftRungs(world, incident.id, plan).catch((error: unknown) => {
      // Whom this deployment may not even read it cannot have denied.
      if (before || faultOf(error) !== "permission") throw error;
      return undefined;
    });
    if (!told) return [];
    const { drift } = told;
    const at = world.clock.now();
    if (before) await world.incidents.quarantined(incident.id, { ...before, liftedAt: at });
    world.recorder.add({
      id: `${incident.id}:quarantine-lifted:${principal}`,
      stream: principal,
      type: "containment.quarantine_lifted",
      at,
      actor,
      data: { incident: incident.id, principal, drift },
    });
    return [principal];
  });
  return (await Promise.all(lifted)).flat();
};
