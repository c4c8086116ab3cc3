import type { Incident } from "../core/incident.ts";
import type { Instant } from "../core/types.ts";
import type { Outcome } from "./contain.ts";
import { lastRefused, lastVerified } from "./contain-events.ts";
import type { Denied } from "./deny.ts";
import type { Isolation } from "./isolations.ts";
import type { Answer, RespondWorld } from "./respond.ts";

const newest = (instants: readonly (Instant | undefined)[]) =>
  instants
    .filter((at) => at !== undefined)
    .sort()
    .at(-1);

/** Everything begun before the kill has ended after this many ms. */
const settles = (outcomes: readonly Outcome[], shut: readonly { readonly settlesInMs: number }[]) =>
  Math.max(
    0,
    ...shut.map(({ settlesInMs }) => settlesInMs),
    ...outcomes.flatMap(({ progress }) => [
      ...progress.killed.map(({ settlesInMs }) => settlesInMs),
      progress.rescoping?.settlesInMs ?? 0,
    ]),
  );

const WHY_NOT = {
  void: "it names no version in force",
  unable: "it cannot be made narrower; its history says why",
  asked: "only people can end it: they were asked, and it counts as contained once they attest that they have",
  answered: "an earlier containment has answered this activity",
} as const;

const timesOf = (outcomes: readonly Outcome[], denied: readonly Denied[]) => {
  const refusedAt = newest([
    ...outcomes.map(({ progress }) => lastRefused(progress)),
    ...denied.map(({ quarantined }) => quarantined?.deniedAt),
  ]);
  const verifiedAt = newest([
    ...outcomes.map(({ progress }) => lastVerified(progress)),
    ...denied.map(({ quarantined }) => quarantined?.verifiedAt),
  ]);
  return { ...(refusedAt && { refusedAt }), ...(verifiedAt && { verifiedAt }) };
};

/** Moves an incident on whose work is done, and has it looked at again once everything begun before must have ended. */
export const close = async (
  world: RespondWorld,
  incident: Incident,
  outcomes: readonly Outcome[],
  denied: readonly Denied[],
  isolations: readonly Isolation[] = [],
): Promise<Answer> => {
  const principals = denied.flatMap(({ quarantined }) => (quarantined ? [quarantined.principal] : []));
  const isolated = isolations.flatMap((one) => one.isolated?.target ?? []);
  const isRefused = principals.length + isolated.length > 0 || outcomes.some(({ result }) => result === "refused");
  const asked = outcomes.flatMap(({ plan, result }) => (result === "asked" ? [plan.credential] : []));
  const state = isRefused ? "refused" : asked.length > 0 ? "asked" : "void";
  const recordedAt = await world.recorder.settled();
  if (isRefused)
    await world.holdLater(incident.id, Math.max(settles(outcomes, [...denied, ...isolations]), incident.holdMs ?? 0));
  await world.incidents.move(incident.id, ["claimed"], state, { recordedAt, ...timesOf(outcomes, denied) });
  const reasons = new Set([
    ...outcomes.flatMap(({ result }) => (result === "refused" ? [] : [WHY_NOT[result]])),
    ...[...denied, ...isolations].flatMap(({ unable }) => unable ?? []),
  ]);
  return {
    signal: incident.signal,
    incident: incident.id,
    state,
    credentials: outcomes.flatMap(({ plan, result }) => (result === "refused" ? [plan.credential] : [])),
    ...(asked.length > 0 && { asked }),
    ...(principals.length > 0 && { principals }),
    ...(isolated.length > 0 && { isolated }),
    ...(reasons.size > 0 && { reason: [...reasons].join("; ") }),
  };
};
