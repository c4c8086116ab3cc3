import type { Actor } from "../core/events.ts";
import { incidentOf, replacementOf } from "../core/ids.ts";
import type { Incident, Match } from "../core/incident.ts";
import { narrowingOf, planFor } from "../core/plan.ts";
import { choose, type Playbook } from "../core/playbook.ts";
import { principalPlans, type Rungs, sparedIn } from "../core/principal-plan.ts";
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
      readonly rungs?: Rungs;
    };

type Authorised = {
  readonly actor: Actor;
  readonly reason: string;
  readonly plan: readonly Playbook["plan"][number][];
};

const authorise = (
  playbooks: readonly Playbook[],
  signal: Signal,
  matches: readonly Match[],
  principals: number,
): Authorised | string => {
  const playbook = choose(playbooks, signal);
  if (!playbook) return `no playbook answers ${signal.type}`;
  if (playbook.then === "record") return `playbook ${playbook.name} only records this`;
  if (matches.length > playbook.maxCredentials) {
    return `it names ${matches.length} credentials and playbook ${playbook.name} contains at most ${playbook.maxCredentials} at once`;
  }
  if (principals > playbook.maxCredentials) {
    return `it leads to ${principals} principals and playbook ${playbook.name} contains at most ${playbook.maxCredentials} at once`;
  }
  return { actor: { kind: "playbook", principal: playbook.name }, reason: playbook.reason, plan: playbook.plan };
};

/**
 * What may be contained unasked: what the event names, what is bound to it, and what it has read. What it could only
 * read is shown and left alone; a person's order means what it names and nothing behind that.
 */
export const actedUpon = ({ matches }: Resolution, { by }: Mandate): readonly Match[] =>
  matches.filter(
    ({ reached }) => !reached || (by === "playbook" && reached.edge !== "can" && reached.unsure === undefined),
  );

/**
 * Decides what one signal leads to. Every guardrail fails closed: whatever is inert, unknown, protected or too wide is
 * recorded and not acted upon.
 */
export const decide = (
  playbooks: readonly Playbook[],
  signal: Signal,
  resolution: Resolution,
  mandate: Mandate,
  at: { readonly receivedAt: Instant; readonly now: Instant },
): Decision => {
  const matches = actedUpon(resolution, mandate);
  const rungs = mandate.by === "human" ? mandate.rungs : undefined;
  const principals = principalPlans(resolution, signal.scenario, rungs);
  if (matches.length === 0 && principals.length === 0) {
    return no(["it names no credential that Rekey knows", ...sparedIn(resolution, signal.scenario, rungs)].join("; "));
  }
  if (signal.inert && mandate.by === "playbook") return no(`it must not act: ${signal.inert}`);
  const free = matches.filter(({ credential }) => mandate.by === "human" || !credential.protected);
  if (free.length === 0 && principals.length === 0) return no("every credential that it names is protected");
  const authorised = mandate.by === "human" ? mandate : authorise(playbooks, signal, free, principals.length);
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
      // Made narrower, a credential goes on working: so does who uses it.
      ...(principals.length > 0 && !authorised.plan.includes("rescope") && { principals }),
      progress: {},
      timeline: { activityAt: signal.activityAt, receivedAt: at.receivedAt, decidedAt: at.now },
    },
  };
};
