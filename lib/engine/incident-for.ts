import type { Actor } from "../core/events.ts";
import { incidentOf, replacementOf } from "../core/ids.ts";
import type { Incident, Match } from "../core/incident.ts";
import { isolationsOf } from "../core/isolatable.ts";
import { narrowingOf, planFor } from "../core/plan.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Instant, Signal } from "../core/types.ts";
import { sessionsIn } from "../core/withheld.ts";

/** By whose word, and what that word allows. */
export type Authorised = {
  readonly actor: Actor;
  readonly reason: string;
  readonly plan: readonly Playbook["plan"][number][];
  readonly lastsMs?: number;
  readonly playbook?: Playbook;
};

/** The incident that a signal leads to: what shall be done to whom, nothing of it done yet. */
export const incidentFor = (
  signal: Signal,
  { actor, reason, plan, lastsMs, playbook }: Authorised,
  matches: readonly Match[],
  principals: Incident["principals"] & object,
  at: { readonly receivedAt: Instant; readonly now: Instant },
): Incident => {
  const id = incidentOf(signal.id);
  const replaces = plan.includes("rotate");
  const sessions = sessionsIn(signal);
  const isolations = plan.includes("revoke") ? isolationsOf(signal) : [];
  const lasts = lastsMs ?? (playbook?.lastsMinutes ?? 0) * 60_000;
  return {
    id,
    signal: signal.id,
    type: signal.type,
    scenario: signal.scenario,
    severity: signal.severity,
    ...(typeof signal.facts?.["finding"] === "string" && { finding: signal.facts["finding"] }),
    actor,
    reason,
    state: "claimed",
    plans: matches.map((match) =>
      plan.includes("rescope")
        ? narrowingOf(match)
        : planFor(match, signal.scenario, replaces ? replacementOf(id, match.credential.id) : undefined, sessions),
    ),
    ...(principals.length > 0 && { principals }),
    ...(isolations.length > 0 && { isolations }),
    ...(playbook?.holdMinutes && { holdMs: playbook.holdMinutes * 60_000 }),
    ...(lasts && { lastsMs: lasts }),
    ...(playbook?.tell && { tell: playbook.tell }),
    progress: {},
    timeline: { activityAt: signal.activityAt, receivedAt: at.receivedAt, decidedAt: at.now },
  };
};
