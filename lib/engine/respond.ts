import type { LifecycleEvent } from "../core/events.ts";
import { SIGNALS } from "../core/events.ts";
import type { Incident, Match, Plan } from "../core/incident.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Resolution } from "../core/resolution.ts";
import { readSignals } from "../core/signal.ts";
import type { CredentialId, Identifier, Instant, Signal, SignalSource } from "../core/types.ts";
import { close } from "./close.ts";
import { Abandoned, type ContainWorld, containOne, LEASE_MS, type Outcome, Unfinished } from "./contain.ts";
import { actedUpon, decide, type Mandate } from "./decide.ts";
import { denyAll, settleDenials, unproven } from "./deny.ts";
import type { ProposeWorld } from "./propose.ts";
import { type ResolveWorld, resolve } from "./resolve.ts";

export type RespondWorld = ContainWorld &
  ProposeWorld &
  ResolveWorld & {
    readonly sources: readonly SignalSource[];
    readonly playbooks: readonly Playbook[];
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
  readonly state: Incident["state"] | "ignored" | "rejected" | "proposed";
  /** Whose versions were tried and refused. */
  readonly credentials?: readonly CredentialId[];
  /** Who is denied. */
  readonly principals?: readonly Identifier[];
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

const containAll = (world: RespondWorld, incident: Incident) => {
  let settled: Promise<void> | undefined;
  const beforeFresh = () => {
    settled ??= settleDenials(world, incident.id);
    return settled;
  };
  return Promise.allSettled(
    incident.plans.map((plan) => {
      world.recorder.add(started(world, incident, plan.credential));
      return contained({ ...world, beforeFresh }, incident, plan);
    }),
  );
};

const rejections = (results: readonly PromiseSettledResult<unknown>[]): readonly string[] =>
  results.flatMap((result) => (result.status === "rejected" ? [String(result.reason)] : []));
const values = <T>(results: readonly PromiseSettledResult<T>[]): readonly T[] =>
  results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));

/** Who runs inside the workload is shut out first: what its secrets protect dies after that, whether it was or not. */
const work = async (world: RespondWorld, incident: Incident): Promise<Answer> => {
  const denied = await denyAll(world, incident);
  const results = await containAll(world, incident);
  const open = values(denied)
    .filter(unproven)
    .map(({ plan }) => `${plan.principal} is denied and IAM does not show it yet`);
  const failed = [...rejections(denied), ...open, ...rejections(results)];
  if (failed.length === 0) return close(world, incident, values(results), values(denied));
  await world.recorder.settled();
  await world.incidents.release(incident.id);
  throw new Unfinished(
    `incident ${incident.id}: ${failed.length} of ${results.length + denied.length} not contained yet; first: ${failed[0]}`,
  );
};

/** Carries an incident out, once however often and by whomever it is called for. Throws Unfinished when it must come again. */
export const claimed = async (world: RespondWorld, incident: Incident): Promise<Answer> => {
  const now = world.clock.now();
  const claim = await world.incidents.claim(incident, now, world.clock.after(now, LEASE_MS));
  if (claim === "busy") throw new Unfinished(`incident ${incident.id} is being worked on`);
  if (claim === "claimed") return work(world, incident);
  const kept = await world.incidents.get(incident.id);
  if (claim === "done") return { signal: incident.signal, incident: incident.id, state: kept?.state ?? "contained" };
  // The plans of the first delivery hold: a second look at the inventory might name other versions.
  return work(world, kept ?? incident);
};

/** Answers one signal that leads to this: decide, contain. */
export const answerWith = async (
  world: RespondWorld,
  signal: Signal,
  found: Resolution,
  mandate: Mandate,
  receivedAt: Instant,
): Promise<Answer> => {
  // Where nothing can deny a principal, only credentials are answered for.
  const resolution = world.quarantine ? found : { ...found, principals: [] };
  const matches = actedUpon(resolution, mandate);
  const at = { receivedAt, now: world.clock.now() };
  const decision = decide(world.playbooks, signal, resolution, mandate, at);
  for (const stream of streamsOf(matches)) world.recorder.add(received(world, signal, stream));
  if (decision.act) return claimed(world, decision.incident);
  for (const stream of streamsOf(matches)) world.recorder.add(ignored(world, signal, stream, decision.reason));
  await world.recorder.settled();
  return { signal: signal.id, state: "ignored", reason: decision.reason };
};

/** Answers one signal: resolve, decide, contain. Safe to repeat. Throws Unfinished when it must come again. */
export const answer = async (
  world: RespondWorld,
  signal: Signal,
  mandate: Mandate,
  receivedAt: Instant,
): Promise<Answer> => answerWith(world, signal, await resolve(world, signal), mandate, receivedAt);

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
