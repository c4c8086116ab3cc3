import { type Blast, blastOf, ranked } from "../core/blast/score.ts";
import type { Incident, Incidents } from "../core/incident.ts";
import { asksForAddresses } from "../core/playbook/choose.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Draft } from "../core/proposal-plan.ts";
import type { Resolution } from "../core/resolution.ts";
import type { Signal } from "../core/types.ts";
import {
  type Authorised,
  type AuthorityWorld,
  asFarAsAuthorised,
  authorised,
  told,
  withAuthority,
} from "./authority.ts";
import { type Asked, type Decision, decide, type Mandate } from "./decide.ts";
import { draftOf } from "./draft.ts";
import { type Counted, count, type GuardWorld, NOTHING_COUNTED, overBlast, tripped } from "./guardrails.ts";

export type WeighWorld = GuardWorld & AuthorityWorld & { readonly incidents: Pick<Incidents, "get"> };

/** A decision with what it was weighed by. */
export type Weighed = Decision & { readonly blast?: Blast; readonly authority?: Incident["authority"] };

/** What was begun goes on, whatever the guardrails say by now: half a containment helps nobody. */
const isBegun = async (world: WeighWorld, { id }: Incident): Promise<boolean> => {
  const kept = await world.incidents.get(id).catch(() => undefined);
  return kept !== undefined;
};

type Found = {
  readonly signal: Signal;
  readonly resolution: Resolution;
  readonly mandate: Mandate;
  readonly at: Asked;
};

/** Why a playbook's containment is not done unasked; undefined where nothing is in the way. */
const guarded = async (
  world: WeighWorld,
  playbook: Playbook,
  incident: Incident,
  blast: Blast,
  { signal, at, uncounted }: Found & { readonly uncounted: readonly string[] },
): Promise<string | undefined> => {
  if (uncounted.length > 0) return `the quorum of playbook ${uncounted.join(", ")} could not be counted`;
  return overBlast(playbook, blast) ?? (await tripped(world, playbook, incident, signal.account, at));
};

const isProtected = ({ plans }: Incident, { matches }: Resolution): boolean => {
  const planned = new Set(plans.map(({ credential }) => credential));
  return matches.some(({ credential }) => credential.protected && planned.has(credential.id));
};

/** Proposed in place of done, unless authority does not even let it be proposed. */
const held = (
  decision: Acting,
  incident: Incident,
  why: string,
  said: Authorised | undefined,
  { resolution }: Found,
): Decision => {
  const { playbook } = decision;
  const not = { act: false, reason: why, ...(playbook && { playbook }) } as const;
  if (said?.decision === "refuse") return not;
  return { ...not, propose: draftOf(playbook ?? {}, incident, why, isProtected(incident, resolution)) };
};

type Acting = Extract<Decision, { act: true }>;

/** A containment that a playbook answers with or a person orders, by everything that may keep it from being done. */
const acting = async (
  world: WeighWorld,
  decision: Acting,
  found: Found & { readonly uncounted: readonly string[] },
): Promise<Weighed> => {
  const { resolution, mandate } = found;
  const { playbook } = decision;
  const ordered = { ...decision.incident, plans: ranked(decision.incident.plans, resolution.matches) };
  const blast = blastOf(ordered, resolution.matches, resolution.principals);
  const breakGlass = mandate.by === "human" && mandate.breakGlass === true;
  const { incident, said } = await asFarAsAuthorised(world, ordered, resolution.matches, blast, breakGlass);
  const asked = told(said);
  const why = said?.why ?? (playbook && (await guarded(world, playbook, incident, blast, found)));
  if (why === undefined || (await isBegun(world, incident))) return { ...decision, incident, blast, ...asked };
  return { ...held(decision, incident, why, said, found), blast, ...asked };
};

/** What a playbook asks people about, unless authority does not let it. */
const asking = async (
  world: WeighWorld,
  decision: Extract<Decision, { act: false }>,
  draft: Draft,
  { matches, principals }: Resolution,
): Promise<Weighed> => {
  const blast = blastOf(draft.incident, matches, principals);
  const said = await authorised(world, draft.incident, matches, blast, false);
  const { propose: _, ...without } = decision;
  if (said?.decision === "refuse") return { ...without, reason: said.why ?? decision.reason, blast, ...told(said) };
  return { ...decision, propose: { ...draft, incident: withAuthority(draft.incident, said) }, blast, ...told(said) };
};

const judged = async (world: WeighWorld, found: Found & Counted): Promise<Weighed> => {
  const { signal, resolution, mandate, at } = found;
  const decision = decide(world.playbooks, signal, resolution, mandate, at);
  if (decision.act) return acting(world, decision, found);
  return decision.propose ? asking(world, decision, decision.propose, resolution) : decision;
};

/** A library that only playbooks with CIDR blocks need: no cold start of the others pays for it. */
const comparing = async ({ playbooks }: WeighWorld): Promise<Pick<Asked, "within">> =>
  asksForAddresses(playbooks) ? { within: (await import("../core/playbook/address.ts")).within } : {};

/** Where nothing can deny a principal, only credentials are answered for. */
export const answerable = ({ quarantine }: { readonly quarantine?: unknown }, found: Resolution): Resolution =>
  quarantine ? found : { ...found, principals: [] };

/** Where nothing can isolate what an incident runs on, only the rest of it is done. */
export const doable = <I extends Pick<Incident, "isolations">>(
  { isolate }: { readonly isolate?: unknown },
  incident: I,
): I => {
  const { isolations: _, ...rest } = incident;
  return isolate ? incident : (rest as I);
};

/**
 * Decides what one signal leads to, by everything that has a say in it: quorum, playbook, authority, blast radius, breakers. What a
 * guardrail keeps from being done unasked is proposed to people; one that cannot be asked keeps it from being done.
 */
export const weighed = async (
  world: WeighWorld,
  signal: Signal,
  resolution: Resolution,
  mandate: Mandate,
  at: Asked,
): Promise<Weighed> => {
  if (mandate.by === "human") return judged(world, { signal, resolution, mandate, at, ...NOTHING_COUNTED });
  const located = { ...at, ...(await comparing(world)) };
  const counted = await count(world, signal, resolution, located);
  return judged(world, { signal, resolution, mandate, at: { ...located, reached: counted.reached }, ...counted });
};
