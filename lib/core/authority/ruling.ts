import type { Blast } from "../blast/score.ts";
import type { Actor } from "../events.ts";
import type { Incident, Match } from "../incident.ts";
import { personOf } from "../proposal.ts";
import type { PrincipalPlan } from "../quarantine.ts";
import type { Scenario } from "../types.ts";

export type AuthorityAction = "execute" | "propose";

/** Attributes of what is asked about; authority/rekey.cedarschema says what they mean. */
export type Target = {
  readonly id: string;
  readonly kind: string;
  readonly account: string;
  readonly protected: boolean;
  readonly environment?: string;
  readonly tier?: string;
  readonly owner?: string;
  readonly dataClass?: string;
  readonly privilege?: string;
};

/** Whether somebody may do something to each of these. */
export type Question = {
  readonly principal: { readonly type: "Playbook" | "Person" | "Agent"; readonly id: string; readonly name?: string };
  readonly targets: readonly Target[];
  readonly context: {
    readonly scenario: Scenario;
    readonly severity: number;
    readonly actions: readonly string[];
    readonly blastLow: number;
    readonly blastHigh: number;
    readonly breakGlass: boolean;
  };
};

/** Cedar policies by their id. */
export type Policies = Readonly<Record<string, string>>;

/** What was decided about one action on one target, and by which policies. `errors`: policies that could not be asked. */
export type Ruling = {
  readonly action: AuthorityAction;
  readonly allowed: boolean;
  readonly policies: readonly string[];
  readonly errors: readonly string[];
};

/** The policies. `rule` answers both actions for every target; it throws where they cannot be asked. */
export interface Authority {
  /** Begins to load what answering needs, and returns at once. */
  warm(): void;
  rule(question: Question): Promise<readonly Ruling[]>;
}

/** What may be done: at once, only proposed, or neither. It is recorded with the containment. */
export type Authorisation = {
  readonly decision: AuthorityAction | "refuse";
  /** Ids of the policies that decided. */
  readonly policies: readonly string[];
  readonly breakGlass?: true;
};

const principalFor = ({ kind, principal }: Actor): Question["principal"] => {
  if (kind === "playbook") return { type: "Playbook", id: principal };
  const name = personOf({ kind, principal });
  // A function or a schedule orders nothing by itself: it counts as an agent, which only proposes.
  return { type: kind === "human" ? "Person" : "Agent", id: principal, name };
};

const targetOf = ({ credential }: Match): Target => {
  const { id, kind, environment, tier, owner, dataClass, privilege } = credential;
  return {
    id,
    kind,
    account: id.split(":")[4] ?? "",
    protected: credential.protected,
    ...(environment !== undefined && { environment }),
    ...(tier !== undefined && { tier }),
    ...(owner !== undefined && { owner }),
    ...(dataClass !== undefined && { dataClass }),
    ...(privilege !== undefined && { privilege }),
  };
};

const isNarrowing = ({ rung }: PrincipalPlan) => rung === "unread";
const mayClimb = ({ widest }: PrincipalPlan) => widest === "organization";
const actionsIn = ({ plans, principals = [], isolations = [] }: Incident): readonly string[] => [
  ...(plans.some(({ rescope }) => rescope) || principals.some(isNarrowing) ? ["rescope"] : []),
  ...(plans.some(({ rescope }) => !rescope) ? ["revoke"] : []),
  ...(plans.some(({ replacement }) => replacement) ? ["rotate"] : []),
  ...(principals.some((plan) => !isNarrowing(plan)) ? ["quarantine"] : []),
  ...(principals.some(mayClimb) ? ["organization"] : []),
  ...(isolations.length > 0 ? ["isolate"] : []),
];

/** What authority is asked about an incident. */
export const questionOf = (
  incident: Incident,
  matches: readonly Match[],
  { low, high }: Pick<Blast, "low" | "high">,
  breakGlass: boolean,
): Question => {
  const planned = new Set(incident.plans.map(({ credential }) => credential));
  const principals = (incident.principals ?? []).map(({ principal }) => {
    const [kind = "", account = ""] = principal.split(/[:/]/);
    return { id: principal, kind, account, protected: false };
  });
  const isolations = (incident.isolations ?? []).map((id) => {
    const [kind = "", , , , , account = ""] = id.split(":");
    return { id, kind, account, protected: false };
  });
  const credentials = matches.filter(({ credential }) => planned.has(credential.id)).map(targetOf);
  return {
    principal: principalFor(incident.actor),
    targets: [...credentials, ...principals, ...isolations],
    context: {
      scenario: incident.scenario,
      severity: incident.severity,
      actions: actionsIn(incident),
      blastLow: low,
      blastHigh: high,
      breakGlass,
    },
  };
};

const policiesOf = (rulings: readonly Ruling[]) => [...new Set(rulings.flatMap(({ policies }) => policies))].toSorted();

/**
 * What the rulings on all targets come to: one that may not be executed keeps all of it from being executed. A policy
 * that could not be asked counts as a refusal: it might have forbidden.
 */
export const authorisation = (rulings: readonly Ruling[], breakGlass: boolean): Authorisation => {
  const broken = breakGlass ? { breakGlass: true as const } : {};
  const of = (action: AuthorityAction) => rulings.filter((ruling) => ruling.action === action);
  const refused = (action: AuthorityAction) =>
    of(action).filter(({ allowed, errors }) => !allowed || errors.length > 0);
  const [stopped, silenced] = [refused("execute"), refused("propose")];
  if (of("execute").length > 0 && stopped.length === 0) {
    return { decision: "execute", policies: policiesOf(of("execute")), ...broken };
  }
  const mayAsk = of("propose").length > 0 && silenced.length === 0;
  const policies = policiesOf([...stopped, ...(mayAsk ? of("propose") : silenced)]);
  return { decision: mayAsk ? "propose" : "refuse", policies, ...broken };
};
