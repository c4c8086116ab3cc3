import type { Incident, Match, Plan } from "../incident.ts";
import type { Rung } from "../quarantine.ts";
import type { Implicated } from "../resolution.ts";
import type { Credential, CredentialId } from "../types.ts";

/** One factor, 0 to 1. Where it is not known, it is between the least and the most that it can be. */
export type Term = {
  readonly name: "consumers" | "privilege" | "data" | "reach";
  readonly low: number;
  readonly high: number;
  /** What it was worked out from, in words. */
  readonly from: string;
};

/** 0 to 100: the terms multiplied, each with the same weight. Where terms are unknown, `low` and `high` differ. */
export type Blast = { readonly low: number; readonly high: number; readonly terms: readonly Term[] };

const LEAST = 0.05;
/** From so many on, more make no difference. */
const MANY = 16;

type Scale = ReadonlyMap<string, number>;
const scale = (words: Readonly<Record<string, number>>): Scale => new Map(Object.entries(words));

/** Of tag `rekey:privilege`. */
const PRIVILEGES = scale({ low: 0.25, standard: 0.5, elevated: 0.75, admin: 1 });
/** Of tag `rekey:data-class`. */
const DATA = scale({ public: 0.1, internal: 0.4, confidential: 0.7, restricted: 1 });
/** How much of what uses a principal a denial stops. */
const SHARES: Readonly<Record<Rung, number>> = {
  unread: 0,
  session: 0.1,
  workload: 0.25,
  since: 1,
  principal: 1,
  organization: 1,
};

/** Grows with the logarithm: a second consumer matters more than a twelfth. */
const counted = (n: number) => Math.max(LEAST, Math.min(1, Math.log2(1 + n) / Math.log2(1 + MANY)));

const known = (name: Term["name"], value: number, from: string): Term => ({ name, low: value, high: value, from });

/** The widest of those that are known; while some are not, anything up to the widest there is. */
const labelled = (name: Term["name"], words: Scale, labels: readonly (string | undefined)[]): Term => {
  const values = labels.map((label) => (label === undefined ? undefined : words.get(label)));
  const told = values.filter((value) => value !== undefined);
  const low = Math.max(LEAST, ...told);
  const unknown = values.length - told.length;
  const from = [...new Set(labels.filter((label) => label !== undefined && words.has(label)))].join(", ");
  if (values.length === 0) return { name, low: LEAST, high: 1, from: "unknown: no credential" };
  if (unknown === 0) return known(name, low, from);
  return { name, low, high: 1, from: `${from && `${from}; `}unknown of ${unknown} of ${values.length}` };
};

/** A replacement leaves a workload half as broken: it goes on once it has read it. */
const REPLACED = 0.5;

const shareOf = (plan: Plan): number => {
  if (plan.rescope) return 0.25;
  return plan.replacement ? REPLACED : 1;
};

const consumers = (
  incident: Pick<Incident, "plans" | "principals">,
  credentials: readonly Credential[],
  running: readonly Implicated[],
): Term => {
  const plans = new Map(incident.plans.map((plan) => [plan.credential, plan]));
  const workloads = credentials.filter(({ workload }) => workload !== "");
  const byCredential = workloads.reduce((sum, { id }) => sum + shareOf(plans.get(id) ?? ({} as Plan)), 0);
  const rungs = new Map((incident.principals ?? []).map(({ principal, rung }) => [principal, rung]));
  const denied = running.flatMap(({ principal }) => {
    const rung = rungs.get(principal.id);
    // Whoever loses only what he never read loses nothing that runs, however many there are.
    return rung && rung !== "unread" ? [{ rung, consumers: principal.consumers.length }] : [];
  });
  const byPrincipal = denied.reduce((sum, one) => sum + one.consumers * SHARES[one.rung], 0);
  const unknown = credentials.length - workloads.length + denied.filter((one) => one.consumers === 0).length;
  const low = counted(byCredential + byPrincipal);
  const from = `${workloads.length} workloads by credentials, ${denied.reduce((sum, one) => sum + one.consumers, 0)} by principals`;
  if (unknown === 0) return known("consumers", low, from);
  return { name: "consumers", low, high: 1, from: `${from}; unknown of ${unknown}` };
};

const product = (terms: readonly Term[], of: "low" | "high") =>
  Math.round(100 * terms.reduce((all, term) => all * term[of], 1) ** (1 / terms.length));

/**
 * How much a containment would break: live consumers × privilege × data class × reach, from what is in hand when it is
 * decided. Reads nothing, so that it delays nothing. What is not known is said, and counts as the most in `high`.
 */
export const blastOf = (
  incident: Pick<Incident, "plans" | "principals">,
  matches: readonly Match[],
  implicated: readonly Implicated[],
): Blast => {
  const planned = new Set<CredentialId>(incident.plans.map(({ credential }) => credential));
  const credentials = matches.map(({ credential }) => credential).filter(({ id }) => planned.has(id));
  const n = incident.plans.length + (incident.principals?.length ?? 0);
  const terms = [
    consumers(incident, credentials, implicated),
    labelled(
      "privilege",
      PRIVILEGES,
      credentials.map(({ privilege }) => privilege),
    ),
    labelled(
      "data",
      DATA,
      credentials.map(({ dataClass }) => dataClass),
    ),
    known("reach", counted(n), `${incident.plans.length} credentials, ${incident.principals?.length ?? 0} principals`),
  ];
  return { low: product(terms, "low"), high: product(terms, "high"), terms };
};

/** Plans with the widest blast radius first; of equals, and of those that nobody can tell apart, the order stays. */
export const ranked = (plans: readonly Plan[], matches: readonly Match[]): readonly Plan[] => {
  const scores = new Map(plans.map((plan) => [plan, blastOf({ plans: [plan] }, matches, []).high]));
  return plans.toSorted((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0));
};
