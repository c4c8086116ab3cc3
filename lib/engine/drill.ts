import { type Canary, type Drilled, drillEvent, drillSignal } from "../core/drill.ts";
import type { Actor } from "../core/events.ts";
import { incidentOf } from "../core/ids.ts";
import type { Incident, Incidents } from "../core/incident.ts";
import type { Locks } from "../core/locks.ts";
import { described } from "../core/sanitize.ts";
import type { Clock, CredentialId, Instant, Ledger, Recorded } from "../core/types.ts";

export type DrillWorld = {
  readonly canary: Canary;
  readonly credential: CredentialId;
  readonly account: string;
  /** Has the inventory learn the canary's new key. */
  readonly index: () => Promise<void>;
  /** Puts a signal on the bus. */
  readonly send: (detail: object) => Promise<void>;
  readonly incidents: Pick<Incidents, "get">;
  readonly history: (stream: CredentialId) => Promise<readonly Recorded[]>;
  readonly locks: Locks;
  readonly ledger: Pick<Ledger, "append">;
  readonly clock: Clock;
};

export type DrillOrder = { readonly id: string; readonly withinMs: number; readonly actor: Actor };

/** Another drill that is under way, until then at the latest. */
export type UnderWay = { readonly underWay: string; readonly until: Instant };

/** A new key may be unknown to some of STS for seconds; one answer says little. */
const IN_A_ROW = 3;
const PAUSE_MS = 100;
const READY_WITHIN_MS = 60_000;
/** One that is not contained by then is not contained by this signal. */
const GIVE_UP_MS = 120_000;
const SETTLE_MS = 20_000;
/** Longer than all of it: a drill that died gives its turn up by then. */
const TURN_MS = 5 * 60_000;

/** Since when the key has answered so, `times` in a row; undefined when it does not by the end. */
const since = async (
  { canary, clock }: DrillWorld,
  wanted: "works" | "refused",
  { times, withinMs }: { readonly times: number; readonly withinMs: number },
): Promise<Instant | undefined> => {
  const end = clock.ticks() + withinMs;
  let first: Instant | undefined;
  let row = 0;
  while (row < times && clock.ticks() < end) {
    const told = await canary.tries();
    // When the answer was there, not when it was asked for: a time to refusal is not told shorter than it was.
    const at = clock.now();
    first = told === wanted ? (first ?? at) : undefined;
    row = told === wanted ? row + 1 : 0;
    if (row < times) await clock.sleep(PAUSE_MS);
  }
  return row >= times ? first : undefined;
};

const finished = async ({ incidents, clock }: DrillWorld, id: string): Promise<Incident | undefined> => {
  const end = clock.ticks() + SETTLE_MS;
  let incident = await incidents.get(id);
  while (incident?.state === "claimed" && clock.ticks() < end) {
    await clock.sleep(PAUSE_MS);
    incident = await incidents.get(id);
  }
  return incident;
};

/** What the record says of a signal that led to no refusal. */
const whyNot = async (world: DrillWorld, signal: string, incident: string): Promise<string> => {
  const about = (await world.history(world.credential)).toReversed();
  for (const { type, data } of about) {
    if (type === "signal.ignored" && data.signal === signal) return `nothing was done: ${data.reason}`;
    if (type === "approval.requested" && data.proposal === incident) return `it waits for people: ${data.why}`;
    if (type === "containment.failed" && data.incident === incident) return `${data.step} failed: ${data.error}`;
  }
  return "nothing came of the signal: look at function respond and at the queues (rekey status)";
};

const NOTHING = {
  contained: false,
  signalToRefusedMs: null,
  signalToReceivedMs: null,
  receivedToRefusedMs: null,
  receivedToVerifiedMs: null,
  incident: null,
};

const stages = ({ clock }: DrillWorld, sentAt: Instant, { timeline }: Incident) => {
  const { receivedAt, refusedAt, verifiedAt } = timeline;
  return {
    signalToReceivedMs: clock.between(sentAt, receivedAt),
    receivedToRefusedMs: refusedAt ? clock.between(receivedAt, refusedAt) : null,
    receivedToVerifiedMs: verifiedAt ? clock.between(receivedAt, verifiedAt) : null,
  };
};

const carryOut = async (world: DrillWorld, { id: drill, withinMs }: DrillOrder): Promise<Drilled> => {
  const { canary, clock, account } = world;
  await canary.clear();
  const keyId = await canary.arm();
  const failed = (why: string): Drilled => ({ drill, withinMs, ...NOTHING, why });
  if (!(await since(world, "works", { times: IN_A_ROW, withinMs: READY_WITHIN_MS })))
    return failed(`the canary's key was still refused after ${READY_WITHIN_MS / 1_000} s`);
  await world.index();
  const sentAt = clock.now();
  await world.send(drillSignal(drill, keyId, sentAt));
  const refusedAt = await since(world, "refused", { times: IN_A_ROW, withinMs: GIVE_UP_MS });
  const signal = `custom:${account}:${drill}`;
  const id = incidentOf(signal);
  if (!refusedAt) return failed(await whyNot(world, signal, id));
  const incident = await finished(world, id);
  if (!incident) return failed("its key is refused, and no incident says why");
  return {
    drill,
    withinMs,
    contained: true,
    signalToRefusedMs: clock.between(sentAt, refusedAt),
    ...stages(world, sentAt, incident),
    incident: id,
    why: null,
  };
};

/**
 * Contains a canary by the way of every signal, and measures from outside when its key is refused. One at a time: another's
 * clean-up would look like a containment, so that while one is under way another does nothing. Whatever happens, the canary
 * is cleared and the outcome recorded. Throws what clearing or recording throws.
 */
export const drill = async (world: DrillWorld, order: DrillOrder): Promise<Drilled | UnderWay> => {
  const { canary, clock, locks, ledger, account } = world;
  const holder = order.id as CredentialId;
  const now = clock.now();
  const taken = await locks.take(`drill:${account}`, holder, { now, until: clock.after(now, TURN_MS) });
  if (taken !== "taken") return { underWay: taken.holder, until: taken.until };
  try {
    const { id: name, withinMs } = order;
    const told = await carryOut(world, order).catch((error: unknown): Drilled => {
      return { drill: name, withinMs, ...NOTHING, why: `it could not be carried out: ${described(error).message}` };
    });
    await ledger.append(drillEvent(clock, order.actor, told));
    return told;
  } finally {
    await canary.clear().finally(() => locks.release(`drill:${account}`, holder));
  }
};
