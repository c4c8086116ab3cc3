import { type Authorisation, type Authority, authorisation, questionOf } from "../core/authority/ruling.ts";
import type { Blast } from "../core/blast/score.ts";
import type { Incident, Match } from "../core/incident.ts";
import { inlined } from "../core/quarantine-policy.ts";
import { described } from "../core/sanitize.ts";

export type AuthorityWorld = {
  /** Absent: whatever a playbook answers or a person orders is done. */
  readonly authority?: Authority;
  /** Hears of a guardrail that could not be asked. Absent: nobody does. */
  readonly alarm?: (message: string) => void;
};

/** What authority says, and what it keeps from being done in a sentence. */
export type Authorised = Authorisation & { readonly why?: string };

const saying = (said: Authorisation, { kind, principal }: Incident["actor"]): Authorised => {
  const by = said.policies.length > 0 ? said.policies.join(", ") : "no policy permits it";
  if (said.decision === "execute") return said;
  const may = said.decision === "propose" ? "only propose" : "neither do nor propose";
  return { ...said, why: `authority lets ${kind} ${principal} ${may} this (${by})` };
};

/**
 * Asks authority about an incident. Where it cannot be asked, nothing is done unasked: it is proposed, with an alarm.
 * Undefined where the world has none.
 */
export const authorised = async (
  world: AuthorityWorld,
  incident: Incident,
  matches: readonly Match[],
  blast: Blast,
  breakGlass: boolean,
): Promise<Authorised | undefined> => {
  if (!world.authority) return undefined;
  try {
    const rulings = await world.authority.rule(questionOf(incident, matches, blast, breakGlass));
    return saying(authorisation(rulings, breakGlass), incident.actor);
  } catch (error) {
    world.alarm?.(`Authority could not be asked, so that nothing is contained unasked: ${described(error).message}`);
    return { decision: "propose", policies: [], why: "authority could not be asked" };
  }
};

/** What authority said, without the sentence. */
export const told = (said: Authorised | undefined): Pick<Incident, "authority"> => {
  if (!said) return {};
  const { why: _, ...authority } = said;
  return { authority };
};

/** The incident with what authority said of it, which goes into the ledger when it begins. */
export const withAuthority = (incident: Incident, said: Authorised | undefined): Incident => ({
  ...incident,
  ...told(said),
});

/**
 * The incident without what it might do beyond what has to be done: the rung of the organisation, unless that is where it
 * begins, and stopping what it runs on, unless that is all. Undefined where that changes nothing.
 */
const lesser = (incident: Incident): Incident | undefined => {
  const { principals = [], isolations, ...rest } = incident;
  const isAll = incident.plans.length + principals.length === 0;
  const climbs = principals.some(({ rung, widest }) => widest === "organization" && rung !== "organization");
  if (!climbs && (isolations === undefined || isAll)) return undefined;
  const capped = principals.map((plan) =>
    plan.rung === "organization" ? plan : { ...plan, widest: inlined(plan.widest) },
  );
  return {
    ...rest,
    ...(principals.length > 0 && { principals: capped }),
    ...(isolations && isAll && { isolations }),
  };
};

/**
 * An incident with what authority says of it. One that may be done, but for what it might do beyond, is done without that:
 * what has to die does not wait for it.
 */
export const asFarAsAuthorised = async (
  world: AuthorityWorld,
  incident: Incident,
  matches: readonly Match[],
  blast: Blast,
  breakGlass: boolean,
): Promise<{ readonly incident: Incident; readonly said: Authorised | undefined }> => {
  const said = await authorised(world, incident, matches, blast, breakGlass);
  const less = said?.why === undefined ? undefined : lesser(incident);
  const lessSaid = less && (await authorised(world, less, matches, blast, breakGlass));
  return less && lessSaid?.decision === "execute"
    ? { incident: withAuthority(less, lessSaid), said: lessSaid }
    : { incident: withAuthority(incident, said), said };
};
