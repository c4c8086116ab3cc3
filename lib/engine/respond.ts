import type { LifecycleEvent } from "../core/events.ts";
import { SIGNALS } from "../core/events.ts";
import type { Incident, Inventory, Match, Plan } from "../core/incident.ts";
import type { Playbook } from "../core/playbook.ts";
import { readSignals } from "../core/signal.ts";
import type { CredentialId, Instant, Signal, SignalSource } from "../core/types.ts";
import {
  Abandoned,
  type ContainWorld,
  containOne,
  LEASE_MS,
  lastRefused,
  lastVerified,
  type Outcome,
  Unfinished,
} from "./contain.ts";
import { decide, type Mandate } from "./decide.ts";
import { resolve } from "./resolve.ts";

export type RespondWorld = ContainWorld & {
  readonly sources: readonly SignalSource[];
  readonly playbooks: readonly Playbook[];
  readonly inventory: Inventory;
  /** Puts what no source accepts where a person will find it. */
  readonly reject: (message: Message, reason: string) => Promise<void>;
  /** Has `hold` called for this incident after so many ms. */
  readonly holdLater: (incident: string, ms: number) => Promise<void>;
};

/** One delivery: the same id comes again when it was not finished. */
export type Message = { readonly id: string; readonly body: string; readonly receivedAt: Instant };

export type Answer = {
  readonly signal: string;
  readonly incident?: string;
  readonly state: Incident["state"] | "ignored" | "rejected";
  /** Whose versions were tried and refused. */
  readonly credentials?: readonly CredentialId[];
  readonly reason?: string;
};

const SERVICE = { kind: "service", principal: "rekey-respond" } as const;

const received = (world: RespondWorld, signal: Signal, stream: string): LifecycleEvent => {
  const { id, source, type, scenario, severity, subjects, activityAt } = signal;
  return {
    id: `${id}:received`,
    stream,
    type: "signal.received",
    at: world.clock.now(),
    actor: SERVICE,
    data: { signal: id, source, type, scenario, severity, subjects, activityAt },
  };
};

const ignored = (world: RespondWorld, signal: Signal, stream: string, reason: string): LifecycleEvent => ({
  id: `${signal.id}:ignored`,
  stream,
  type: "signal.ignored",
  at: world.clock.now(),
  actor: SERVICE,
  data: { signal: signal.id, reason },
});

const streamsOf = (matches: readonly Match[]): readonly string[] =>
  matches.length > 0 ? matches.map(({ credential }) => credential.id) : [SIGNALS];

const actionsOf = (plans: readonly Plan[]): readonly string[] => {
  if (plans.some(({ rescope }) => rescope)) return ["rescope"];
  return plans.some(({ replacement }) => replacement) ? ["revoke", "rotate"] : ["revoke"];
};

const started = (world: RespondWorld, incident: Incident, credential: CredentialId): LifecycleEvent => ({
  id: `${incident.id}:started`,
  stream: credential,
  type: "containment.started",
  at: world.clock.now(),
  actor: incident.actor,
  reason: incident.reason,
  data: {
    incident: incident.id,
    scenario: incident.scenario,
    actions: actionsOf(incident.plans),
  },
});

const newest = (instants: readonly (Instant | undefined)[]) =>
  instants
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);

/** Everything begun before the kill has ended after this many ms. */
const settles = (outcomes: readonly Outcome[]) =>
  Math.max(
    0,
    ...outcomes.flatMap(({ progress }) => [
      ...progress.killed.map(({ settlesInMs }) => settlesInMs),
      progress.rescoping?.settlesInMs ?? 0,
    ]),
  );

const close = async (world: RespondWorld, incident: Incident, outcomes: readonly Outcome[]): Promise<Answer> => {
  const state = outcomes.some(({ result }) => result === "refused") ? "refused" : "void";
  const recordedAt = await world.recorder.settled();
  const refusedAt = newest(outcomes.map(({ progress }) => lastRefused(progress)));
  const verifiedAt = newest(outcomes.map(({ progress }) => lastVerified(progress)));
  if (state === "refused") await world.holdLater(incident.id, settles(outcomes));
  const timeline = { recordedAt, ...(refusedAt && { refusedAt }), ...(verifiedAt && { verifiedAt }) };
  await world.incidents.move(incident.id, ["claimed"], state, timeline);
  const reasons = new Set(outcomes.flatMap(({ result }) => (result === "refused" ? [] : [WHY_NOT[result]])));
  return {
    signal: incident.signal,
    incident: incident.id,
    state,
    credentials: outcomes.flatMap(({ plan, result }) => (result === "refused" ? [plan.credential] : [])),
    ...(reasons.size > 0 && { reason: [...reasons].join("; ") }),
  };
};

const WHY_NOT = {
  void: "it names no version in force",
  unable: "it cannot be made narrower; its history says why",
  answered: "an earlier containment has answered this activity",
} as const;

/**
 * A credential that a died incident holds is not taken from it: what it had done (a replacement issued, say) would be
 * undone as if it were the leak. It is finished, and most often has then answered this activity as well.
 */
const contained = async (world: RespondWorld, incident: Incident, plan: Plan): Promise<Outcome> => {
  try {
    return await containOne(world, incident, plan);
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error;
    const died = await world.incidents.get(error.by);
    if (died?.state === "claimed") await claimed(world, died);
    return containOne(world, incident, plan, error.by);
  }
};

const work = async (world: RespondWorld, incident: Incident): Promise<Answer> => {
  const results = await Promise.allSettled(
    incident.plans.map((plan) => {
      world.recorder.add(started(world, incident, plan.credential));
      return contained(world, incident, plan);
    }),
  );
  const failed = results.filter((result) => result.status === "rejected");
  if (failed.length === 0) {
    return close(
      world,
      incident,
      results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])),
    );
  }
  await world.recorder.settled();
  await world.incidents.release(incident.id);
  throw new Unfinished(
    `incident ${incident.id}: ${failed.length} of ${results.length} credentials not contained yet; first: ${String(failed[0]?.reason)}`,
  );
};

const claimed = async (world: RespondWorld, incident: Incident): Promise<Answer> => {
  const now = world.clock.now();
  const claim = await world.incidents.claim(incident, now, world.clock.after(now, LEASE_MS));
  if (claim === "busy") throw new Unfinished(`incident ${incident.id} is being worked on`);
  if (claim === "claimed") return work(world, incident);
  const kept = await world.incidents.get(incident.id);
  if (claim === "done") return { signal: incident.signal, incident: incident.id, state: kept?.state ?? "contained" };
  // The plans of the first delivery hold: a second look at the inventory might name other versions.
  return work(world, kept ?? incident);
};

/** Answers one signal: resolve, decide, contain. Safe to repeat. Throws Unfinished when it must come again. */
export const answer = async (
  world: RespondWorld,
  signal: Signal,
  mandate: Mandate,
  receivedAt: Instant,
): Promise<Answer> => {
  const resolution = await resolve(world, signal);
  const { matches } = resolution;
  const at = { receivedAt, now: world.clock.now() };
  const decision = decide(world.playbooks, signal, resolution, mandate, at);
  for (const stream of streamsOf(matches)) world.recorder.add(received(world, signal, stream));
  if (decision.act) return claimed(world, decision.incident);
  for (const stream of streamsOf(matches)) world.recorder.add(ignored(world, signal, stream, decision.reason));
  await world.recorder.settled();
  return { signal: signal.id, state: "ignored", reason: decision.reason };
};

const parseBody = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

/** Answers one delivery from the signal queue. What no source accepts is kept and recorded, never dropped. */
export const respond = async (world: RespondWorld, message: Message): Promise<readonly Answer[]> => {
  const parsed = await readSignals(world.sources, parseBody(message.body));
  if ("signals" in parsed) {
    return Promise.all(parsed.signals.map((signal) => answer(world, signal, { by: "playbook" }, message.receivedAt)));
  }
  await world.reject(message, parsed.rejected);
  world.recorder.add({
    id: `${message.id}:rejected`,
    stream: SIGNALS,
    type: "signal.rejected",
    at: world.clock.now(),
    actor: SERVICE,
    data: { messageId: message.id, reason: parsed.rejected },
  });
  await world.recorder.settled();
  return [{ signal: message.id, state: "rejected", reason: parsed.rejected }];
};
