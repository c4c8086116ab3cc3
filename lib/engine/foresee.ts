import type { Blast } from "../core/blast/score.ts";
import type { Incident, Match, Plan } from "../core/incident.ts";
import { sparedIn } from "../core/principal-plan.ts";
import type { PrincipalPlan } from "../core/quarantine.ts";
import type { Resolution } from "../core/resolution.ts";
import type { CredentialId, Identifier, Instant, Rotator, Signal } from "../core/types.ts";
import { type ResolveWorld, resolve } from "./resolve.ts";
import { answerable, doable, type Weighed, type WeighWorld, weighed } from "./weigh.ts";

/** What a plan needs of the world: nothing of it writes. */
export type ForeseeWorld = ResolveWorld &
  WeighWorld & {
    readonly quarantine?: unknown;
    readonly isolate?: unknown;
    readonly rotators: readonly Pick<Rotator, "kind" | "containedOnly" | "byPeople">[];
  };

/** What would happen to a signal, and why it would be no more than that. */
export type Foresight = {
  readonly signal: string;
  readonly type: string;
  readonly outcome: "contain" | "propose" | "notify" | "record";
  readonly playbook: string | null;
  /** What keeps it from being contained unasked; null where nothing does. */
  readonly reason: string | null;
  readonly credentials: readonly {
    readonly credential: CredentialId;
    readonly name: string;
    readonly doomed: Plan["doomed"];
    readonly replaced: boolean;
    readonly narrowed: boolean;
    /** Only people can end it: they would be asked. */
    readonly asked: boolean;
  }[];
  readonly principals: readonly Pick<PrincipalPlan, "principal" | "rung" | "widest">[];
  /** Functions that would be throttled to nothing and tasks that would be stopped. */
  readonly isolations: readonly Identifier[];
  /** What the signal leads to, too, and is left alone. */
  readonly spared: readonly { readonly what: Identifier | CredentialId; readonly why: string }[];
  readonly unresolved: Resolution["unresolved"];
  /** What authority says; null where it was not asked. */
  readonly authority: Incident["authority"] | null;
  readonly blast: Blast | null;
  readonly approval: { readonly needs: number; readonly expiresInMs: number; readonly onExpiry: string } | null;
};

/** Why a credential that the signal leads to is not in the plan. */
const sparedFor = ({ credential, reached }: Match, decision: Weighed): string => {
  if (reached?.edge === "can") return `${reached.path.at(0) ?? "it"} may read it, and is not known to have`;
  if (reached?.unsure) return "only the request would tell whether it leads there";
  if (credential.protected) return "it is protected: no playbook contains it";
  return decision.act ? "it is not in the plan" : decision.reason;
};

const incidentIn = (decision: Weighed): Incident | undefined =>
  decision.act ? decision.incident : decision.propose?.incident;

const outcomeOf = (decision: Weighed): Foresight["outcome"] => {
  if (decision.act) return "contain";
  if (decision.propose) return "propose";
  return decision.notify ? "notify" : "record";
};

const sparedBy = (decision: Weighed, signal: Signal, { matches, principals }: Resolution): Foresight["spared"] => {
  const incident = incidentIn(decision);
  const planned = new Set(incident?.plans.map(({ credential }) => credential));
  const denied = new Set(incident?.principals?.map(({ principal }) => principal));
  const rungs = decision.playbook?.rungs;
  return [
    ...matches
      .filter(({ credential }) => !planned.has(credential.id))
      .map((match) => ({ what: match.credential.id, why: sparedFor(match, decision) })),
    ...principals
      .filter(({ principal }) => !denied.has(principal.id))
      .map((implicated) => {
        const [why] = sparedIn({ principals: [implicated] }, signal.scenario, rungs);
        const prefix = `${implicated.principal.id}: `;
        const told = why?.startsWith(prefix) ? why.slice(prefix.length) : why;
        return {
          what: implicated.principal.id,
          why: told ?? (decision.act ? "it is not in the plan" : decision.reason),
        };
      }),
  ];
};

const credentialsIn = (
  { rotators }: ForeseeWorld,
  incident: Incident | undefined,
  matches: readonly Match[],
): Foresight["credentials"] => {
  const known = new Map(matches.map(({ credential }) => [credential.id, credential]));
  return (incident?.plans ?? []).map(({ credential, doomed, replacement, rescope }) => {
    const { name = credential, kind } = known.get(credential) ?? {};
    const rotator = rotators.find((one) => one.kind === kind);
    return {
      credential,
      name,
      doomed,
      replaced: replacement !== undefined && !rotator?.containedOnly && !rotator?.byPeople,
      narrowed: rescope !== undefined,
      asked: rotator?.byPeople !== undefined,
    };
  });
};

/** What it would do as well, were a function deployed for it. */
const notDeployed = (
  { isolate, quarantine }: ForeseeWorld,
  meant: Incident | undefined,
  { principals }: Resolution,
): Foresight["spared"] => [
  ...(isolate ? [] : (meant?.isolations ?? [])).map((what) => ({
    what,
    why: "the deployment names nothing that Rekey may isolate",
  })),
  ...(quarantine ? [] : principals).map(({ principal }) => ({
    what: principal.id,
    why: "the deployment names nobody whom Rekey may deny",
  })),
];

const approvalOf = (decision: Weighed): Foresight["approval"] => {
  const { needs, expiresInMs, onExpiry } = (!decision.act && decision.propose) || {};
  return needs && expiresInMs && onExpiry ? { needs, expiresInMs, onExpiry } : null;
};

/**
 * What would happen to a signal that came now, by the code that answers signals; nothing is changed. `now` is taken for
 * when it was received.
 */
export const foresee = async (world: ForeseeWorld, signal: Signal, now: Instant): Promise<Foresight> => {
  const found = await resolve(world, signal);
  const resolution = answerable(world, found);
  const decision = await weighed(world, signal, resolution, { by: "playbook" }, { receivedAt: now, now });
  const meant = incidentIn(decision);
  const incident = meant && doable(world, meant);
  return {
    signal: signal.id,
    type: signal.type,
    outcome: outcomeOf(decision),
    playbook: decision.playbook?.name ?? null,
    reason: decision.act ? null : decision.reason,
    credentials: credentialsIn(world, incident, resolution.matches),
    principals: (incident?.principals ?? []).map(({ principal, rung, widest }) => ({ principal, rung, widest })),
    isolations: incident?.isolations ?? [],
    spared: [...notDeployed(world, meant, found), ...sparedBy(decision, signal, resolution)],
    unresolved: resolution.unresolved,
    authority: decision.authority ?? null,
    blast: decision.blast ?? null,
    approval: approvalOf(decision),
  };
};
