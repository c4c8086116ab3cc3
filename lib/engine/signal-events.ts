import { type LifecycleEvent, SIGNALS } from "../core/events.ts";
import type { Incident, Match, Plan } from "../core/incident.ts";
import type { Resolution } from "../core/resolution.ts";
import type { Clock, CredentialId, Signal } from "../core/types.ts";

type EventWorld = { readonly clock: Clock };

/** What answers signals. */
export const SERVICE = { kind: "service", principal: "rekey-respond" } as const;

const reachedBy = (match: Match | undefined) => {
  if (!match) return null;
  const { matched, reached } = match;
  return { edge: reached?.edge ?? ("named" as const), path: reached?.path ?? matched.slice(0, 1) };
};

/** That a signal came and what it leads to, for each of the streams that it is about. */
export const received = (
  world: EventWorld,
  signal: Signal,
  matches: readonly Match[],
  unresolved: Resolution["unresolved"],
): readonly LifecycleEvent[] =>
  streamsOf(matches).map((stream) =>
    receivedIn(world, signal, stream, {
      reached: reachedBy(matches.find((one) => one.credential.id === stream)),
      unresolved,
    }),
  );

type Led = Pick<Extract<LifecycleEvent, { readonly type: "signal.received" }>["data"], "reached" | "unresolved">;

const receivedIn = (world: EventWorld, signal: Signal, stream: string, led: Led): LifecycleEvent => {
  const { id, source, type, scenario, severity, subjects, activityAt, account, inert = null } = signal;
  return {
    id: `${id}:received`,
    stream,
    type: "signal.received",
    at: world.clock.now(),
    actor: SERVICE,
    data: { signal: id, source, type, scenario, severity, subjects, activityAt, account, inert, ...led },
  };
};

/** That nothing was done about a signal, and why. */
export const ignored = (world: EventWorld, signal: Signal, stream: string, reason: string): LifecycleEvent => ({
  id: `${signal.id}:ignored`,
  stream,
  type: "signal.ignored",
  at: world.clock.now(),
  actor: SERVICE,
  data: { signal: signal.id, reason },
});

/** The streams of what a signal is about. */
export const streamsOf = (matches: readonly Match[]): readonly string[] =>
  matches.length > 0 ? matches.map(({ credential }) => credential.id) : [SIGNALS];

const actionsOf = (plans: readonly Plan[]): readonly string[] => {
  if (plans.some(({ rescope }) => rescope)) return ["rescope"];
  return plans.some(({ replacement }) => replacement) ? ["revoke", "rotate"] : ["revoke"];
};

const authorityOf = ({ authority }: Incident) => {
  const { decision = null, policies = [], breakGlass } = authority ?? {};
  return { authority: breakGlass ? ("break-glass" as const) : decision === "refuse" ? null : decision, policies };
};

/** That a containment begins. */
export const started = (world: EventWorld, incident: Incident, credential: CredentialId): LifecycleEvent => ({
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
    ...authorityOf(incident),
  },
});
