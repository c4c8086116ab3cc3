import type { Actor } from "../core/events.ts";
import { incidentOf, replacementOf } from "../core/ids.ts";
import type { Incident, Match } from "../core/incident.ts";
import { narrowingOf, planFor } from "../core/plan.ts";
import { choose, type Playbook } from "../core/playbook.ts";
import type { Resolution } from "../core/resolution.ts";
import type { Instant, Signal } from "../core/types.ts";

export type Decision =
  | { readonly act: true; readonly incident: Incident }
  | { readonly act: false; readonly reason: string };

const no = (reason: string): Decision => ({ act: false, reason });

/** What a person's explicit command allows beyond a playbook: protected credentials, any severity. */
export type Mandate =
  | { readonly by: "playbook" }
  | {
      readonly by: "human";
      readonly actor: Actor;
      readonly reason: string;
      readonly plan: readonly Playbook["plan"][number][];
    };

type Authorised = {
  readonly actor: Actor;
  readonly reason: string;
  readonly plan: readonly Playbook["plan"][number][];
};

const authorise = (playbooks: readonly Playbook[], signal: Signal, matches: readonly Match[]): Authorised | string => {
  const playbook = choose(playbooks, signal);
  if (!playbook) return `no playbook answers ${signal.type}`;
  if (playbook.then === "record") return `playbook ${playbook.name} only records this`;
  if (matches.length > playbook.maxCredentials) {
    return `it names ${matches.length} credentials and playbook ${playbook.name} contains at most ${playbook.maxCredentials} at once`;
  }
  return { actor: { kind: "playbook", principal: playbook.name }, reason: playbook.reason, plan: playbook.plan };
};

/**
 * Decides what one signal leads to. Every guardrail fails closed: whatever is inert, unknown, protected or too wide is
 * recorded and not acted upon.
 */
export const decide = (
  playbooks: readonly Playbook[],
  signal: Signal,
  { matches }: Resolution,
  mandate: Mandate,
  at: { readonly receivedAt: Instant; readonly now: Instant },
): Decision => {
  if (matches.length === 0) return no("it names no credential that Rekey knows");
  if (signal.inert && mandate.by === "playbook") return no(`it must not act: ${signal.inert}`);
  const free = matches.filter(({ credential }) => mandate.by === "human" || !credential.protected);
  if (free.length === 0) return no("every credential that it names is protected");
  const authorised = mandate.by === "human" ? mandate : authorise(playbooks, signal, free);
  if (typeof authorised === "string") return no(authorised);
  const id = incidentOf(signal.id);
  const replaces = authorised.plan.includes("rotate");
  return {
    act: true,
    incident: {
      id,
      signal: signal.id,
      type: signal.type,
      scenario: signal.scenario,
      severity: signal.severity,
      actor: authorised.actor,
      reason: authorised.reason,
      state: "claimed",
      plans: free.map((match) =>
        authorised.plan.includes("rescope")
          ? narrowingOf(match)
          : planFor(match, signal.scenario, replaces ? replacementOf(id, match.credential.id) : undefined),
      ),
      progress: {},
      timeline: { activityAt: signal.activityAt, receivedAt: at.receivedAt, decidedAt: at.now },
    },
  };
};
