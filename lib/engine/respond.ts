import { SIGNALS } from "../core/events.ts";
import type { Incident, Plan } from "../core/incident.ts";
import { jsonOf } from "../core/json.ts";
import type { Resolution } from "../core/resolution.ts";
import { readSignals } from "../core/signal.ts";
import type { CredentialId, Identifier, Instant, Signal, SignalSource } from "../core/types.ts";
import { close } from "./close.ts";
import { Abandoned, type ContainWorld, containOne, LEASE_MS, type Outcome, Unfinished } from "./contain.ts";
import { actedUpon, type Decision, type Mandate } from "./decide.ts";
import { denyAll, settleDenials, unproven } from "./deny.ts";
import { type ProposeWorld, propose } from "./propose.ts";
import { type ResolveWorld, resolve } from "./resolve.ts";
import { ignored, received, SERVICE, started, streamsOf } from "./signal-events.ts";
import { answerable, doable, type WeighWorld, weighed } from "./weigh.ts";

export type RespondWorld = ContainWorld &
  ProposeWorld &
  ResolveWorld &
  WeighWorld & {
    readonly sources: readonly SignalSource[];
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
  /** Whose versions only people can end: they are asked to. */
  readonly asked?: readonly CredentialId[];
  /** Who is denied. */
  readonly principals?: readonly Identifier[];
  /** Functions that nothing invokes any more, and tasks that were stopped. */
  readonly isolated?: readonly Identifier[];
  readonly reason?: string;
};

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

const isolateSome = async (world: RespondWorld, incident: Incident) => {
  if (!incident.isolations) return [];
  const { isolateAll } = await import("./isolations.ts");
  return isolateAll(world, incident);
};

/**
 * Who runs inside the workload is shut out first: what its secrets protect dies after that, whether it was or not. What
 * it runs on is stopped last: that ends nobody's access.
 */
const work = async (world: RespondWorld, incident: Incident): Promise<Answer> => {
  const denied = await denyAll(world, incident);
  const results = await containAll(world, incident);
  const open = values(denied)
    .filter(unproven)
    .map(({ plan }) => `${plan.principal} is denied and IAM does not show it yet`);
  const isolated = await isolateSome(world, incident);
  const failed = [...rejections(denied), ...open, ...rejections(results), ...rejections(isolated)];
  if (failed.length === 0) return close(world, incident, values(results), values(denied), values(isolated));
  await world.recorder.settled();
  await world.incidents.release(incident.id);
  throw new Unfinished(
    `incident ${incident.id}: ${failed.length} of ${results.length + denied.length + isolated.length} not contained yet; first: ${failed[0]}`,
  );
};

/** Carries an incident out, once however often and by whomever it is called for. Throws Unfinished when it must come again. */
export const claimed = async (world: RespondWorld, given: Incident): Promise<Answer> => {
  const now = world.clock.now();
  // Its time runs from when it begins: it may have waited for people.
  const incident = {
    ...doable(world, given),
    ...(given.lastsMs && { endsAt: world.clock.after(now, given.lastsMs) }),
  };
  const claim = await world.incidents.claim(incident, now, world.clock.after(now, LEASE_MS));
  if (claim === "busy") throw new Unfinished(`incident ${incident.id} is being worked on`);
  if (claim === "claimed") return work(world, incident);
  const kept = await world.incidents.get(incident.id);
  if (claim === "done") return { signal: incident.signal, incident: incident.id, state: kept?.state ?? "contained" };
  // The plans of the first delivery hold: a second look at the inventory might name other versions.
  return work(world, kept ?? incident);
};

const asked = async (
  world: RespondWorld,
  { id }: Signal,
  draft: Extract<Decision, { act: false }>["propose"] & object,
  reason: string,
): Promise<Answer> => {
  const kept = await propose(world, draft);
  return { signal: id, incident: kept.id, state: "proposed", reason };
};

/** Answers one signal that leads to this: decide, contain. */
export const answerWith = async (
  world: RespondWorld,
  signal: Signal,
  found: Resolution,
  mandate: Mandate,
  receivedAt: Instant,
): Promise<Answer> => {
  const resolution = answerable(world, found);
  const matches = actedUpon(resolution, mandate);
  const at = { receivedAt, now: world.clock.now() };
  const decision = await weighed(world, signal, resolution, mandate, at);
  for (const event of received(world, signal, matches, resolution.unresolved)) world.recorder.add(event);
  if (decision.act) return claimed(world, decision.incident);
  if (decision.propose && world.approvals) return asked(world, signal, decision.propose, decision.reason);
  for (const stream of streamsOf(matches)) world.recorder.add(ignored(world, signal, stream, decision.reason));
  await world.recorder.settled();
  if (decision.notify) {
    const { tell } = decision.playbook ?? {};
    const notice = { moment: "noticed", subject: signal.id, key: `${signal.id}:noticed` } as const;
    await world.approvals?.tell({ ...notice, ...(tell && { to: tell }) });
  }
  return { signal: signal.id, state: "ignored", reason: decision.reason };
};

/** Answers one signal: resolve, decide, contain. Safe to repeat. Throws Unfinished when it must come again. */
export const answer = async (
  world: RespondWorld,
  signal: Signal,
  mandate: Mandate,
  receivedAt: Instant,
): Promise<Answer> => {
  // Loaded while the index is asked: whoever needs it waits for less.
  world.authority?.warm();
  return answerWith(world, signal, await resolve(world, signal), mandate, receivedAt);
};

/** Answers one delivery from the signal queue. What no source accepts is kept and recorded, never dropped. */
export const respond = async (world: RespondWorld, message: Message): Promise<readonly Answer[]> => {
  const parsed = await readSignals(world.sources, jsonOf(message.body));
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
