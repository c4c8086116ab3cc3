import type { Actor } from "../core/events.ts";
import type { Incident, Match } from "../core/incident.ts";
import { isolationsOf } from "../core/isolatable.ts";
import { choose, type Within } from "../core/playbook/choose.ts";
import type { Playbook } from "../core/playbook.ts";
import { narrowingPlans, principalPlans, type Rungs, sparedIn } from "../core/principal-plan.ts";
import type { Draft } from "../core/proposal-plan.ts";
import type { PrincipalPlan } from "../core/quarantine.ts";
import type { Resolution } from "../core/resolution.ts";
import type { Instant, Signal } from "../core/types.ts";
import { draftOf } from "./draft.ts";
import { type Authorised, incidentFor } from "./incident-for.ts";

/** `propose`: people may have it done. `notify`: people are told that nothing was. `playbook` is the one that answers. */
export type Decision = { readonly playbook?: Playbook } & (
  | { readonly act: true; readonly incident: Incident }
  | { readonly act: false; readonly reason: string; readonly propose?: Draft; readonly notify?: true }
);

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
      /** Said by a person who cannot wait for another: authority may ask for it. Recorded. */
      readonly breakGlass?: boolean;
      /** Undone after so many ms. */
      readonly lastsMs?: number;
    };

/** When it came and what it is by now, and the playbooks whose quorum is reached. */
export type Asked = {
  readonly receivedAt: Instant;
  readonly now: Instant;
  readonly reached?: ReadonlySet<string>;
  readonly within?: Within;
};

const authorise = (
  playbook: Playbook | undefined,
  signal: Signal,
  matches: readonly Match[],
  principals: number,
): Authorised | string => {
  if (!playbook) return `no playbook answers ${signal.type}`;
  if (playbook.then === "record") return `playbook ${playbook.name} only records this`;
  if (playbook.then === "notify") return `playbook ${playbook.name} only tells people of this`;
  if (matches.length > playbook.maxCredentials) {
    return `it names ${matches.length} credentials and playbook ${playbook.name} contains at most ${playbook.maxCredentials} at once`;
  }
  if (principals > playbook.maxCredentials) {
    return `it leads to ${principals} principals and playbook ${playbook.name} contains at most ${playbook.maxCredentials} at once`;
  }
  return {
    actor: { kind: "playbook", principal: playbook.name },
    reason: playbook.reason,
    plan: playbook.plan,
    playbook,
  };
};

/**
 * What may be contained unasked: what the event names, what is bound to it, and what it has read. What it could only
 * read is shown and left alone; a person's order means what it names and nothing behind that.
 */
export const actedUpon = ({ matches }: Resolution, { by }: Mandate): readonly Match[] =>
  matches.filter(
    ({ reached }) => !reached || (by === "playbook" && reached.edge !== "can" && reached.unsure === undefined),
  );

const isProtected = ({ credential }: Match) => credential.protected;

/** The playbook that answers; undefined for a person's order, which asks none. */
const answering = (
  playbooks: readonly Playbook[],
  signal: Signal,
  matches: readonly Match[],
  { by }: Mandate,
  { reached, within }: Asked,
): Playbook | undefined => {
  if (by === "human") return undefined;
  const credentials = matches.map(({ credential }) => credential);
  return choose(playbooks, signal, { credentials, ...(reached && { reached }), ...(within && { within }) });
};

/** Why nothing may be done, whatever a playbook says; undefined where nothing is in the way. */
const barred = (
  signal: Signal,
  mandate: Mandate,
  {
    matches,
    free,
    principals,
    isolations,
  }: { readonly [K in "matches" | "free" | "principals" | "isolations"]: readonly unknown[] },
  spared: () => readonly string[],
): string | undefined => {
  // A playbook stops what a compromised credential runs on; a person may order that alone.
  if (mandate.by === "human" && isolations.length > 0) return undefined;
  if (matches.length + principals.length === 0) {
    return ["it names no credential that Rekey knows", ...spared()].join("; ");
  }
  if (signal.inert && mandate.by === "playbook") return `it must not act: ${signal.inert}`;
  return free.length + principals.length === 0 ? "every credential that it names is protected" : undefined;
};

const asPlaybookSays = (playbook: Playbook | undefined, incident: Incident, free: readonly Match[]): Decision => {
  if (playbook?.then !== "propose") return { act: true, incident };
  const reason = `playbook ${playbook.name} asks people first`;
  return { act: false, reason, propose: draftOf(playbook, incident, reason, free.some(isProtected)) };
};

/**
 * Whom a playbook or person has denied what. Made narrower, a credential goes on working, and so does who uses it: all that
 * he loses is what he never used. A person's narrowing means what it names alone.
 */
const principalsFor = (
  resolution: Resolution,
  { scenario }: Signal,
  playbook: Playbook | undefined,
  mandate: Mandate,
): readonly PrincipalPlan[] => {
  if (mandate.by === "playbook" && playbook?.plan.includes("rescope")) return narrowingPlans(resolution);
  if (mandate.by === "human" && mandate.plan.includes("rescope"))
    return mandate.rungs ? narrowingPlans(resolution) : [];
  return principalPlans(resolution, scenario, mandate.by === "human" ? mandate.rungs : playbook?.rungs);
};

const decideBy = (
  playbook: Playbook | undefined,
  signal: Signal,
  resolution: Resolution,
  mandate: Mandate,
  at: Asked,
): Decision => {
  const matches = actedUpon(resolution, mandate);
  const isAsking = mandate.by === "human" || playbook?.then === "propose";
  const rungs = mandate.by === "human" ? mandate.rungs : playbook?.rungs;
  const principals = principalsFor(resolution, signal, playbook, mandate);
  const free = matches.filter((match) => isAsking || !isProtected(match));
  const isolations = isolationsOf(signal);
  const bar = barred(signal, mandate, { matches, free, principals, isolations }, () =>
    sparedIn(resolution, signal.scenario, rungs),
  );
  if (bar) return no(bar);
  const authorised = mandate.by === "human" ? mandate : authorise(playbook, signal, free, principals.length);
  if (typeof authorised === "string")
    return { ...no(authorised), ...(playbook?.then === "notify" && { notify: true }) };
  return asPlaybookSays(playbook, incidentFor(signal, authorised, free, principals, at), free);
};

/**
 * Decides what one signal leads to. Every guardrail fails closed: whatever is inert, unknown, protected or too wide is
 * recorded and not acted upon; what is protected may be proposed.
 */
export const decide = (
  playbooks: readonly Playbook[],
  signal: Signal,
  resolution: Resolution,
  mandate: Mandate,
  at: Asked,
): Decision => {
  const playbook = answering(playbooks, signal, actedUpon(resolution, mandate), mandate, at);
  return { ...decideBy(playbook, signal, resolution, mandate, at), ...(playbook && { playbook }) };
};
