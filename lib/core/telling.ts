import type { Incident } from "./incident.ts";
import type { Moment, Notice } from "./notice.ts";
import type { Telling } from "./notifier.ts";
import type { Proposal } from "./proposal.ts";
import type { Clock, Credential } from "./types.ts";

/** What is known of a notice's subject when it is told. */
export type Known = {
  readonly incident?: Incident;
  readonly proposal?: Proposal;
  readonly credentials: readonly Credential[];
  readonly clock: Pick<Clock, "between">;
};

const TITLES: Readonly<Record<Moment, string>> = {
  noticed: "Rekey noticed something and did nothing",
  proposed: "Rekey asks for approval",
  escalated: "Rekey still waits for approval",
  denied: "A containment was denied",
  expired: "A proposed containment expired",
  contained: "Rekey contained",
  held: "A containment has held",
  restored: "A containment was undone",
  failed: "A containment does not succeed",
  stalled: "Consumers do not follow a rotation",
  overdue: "A rotation is overdue",
  asked: "Only people can do it",
};

const named = (all: readonly string[]): string =>
  all.length > 3 ? `${all.slice(0, 3).join(", ")} and ${all.length - 3} more` : all.join(", ");

const touched = ({ plans, principals = [], isolations = [] }: Incident, credentials: readonly Credential[]) => {
  const names = new Map(credentials.map(({ id, name }) => [id, name]));
  return {
    credentials: plans.map(({ credential }) => names.get(credential) ?? credential),
    principals: principals.map(({ principal }) => principal),
    isolations,
  };
};

const timesOf = ({ timeline }: Incident, clock: Known["clock"]): readonly string[] => {
  const { activityAt, receivedAt, refusedAt, verifiedAt } = timeline;
  if (!refusedAt) return [];
  const proved = verifiedAt ? `, tried and refused after ${clock.between(receivedAt, verifiedAt)} ms` : "";
  return [
    `Refused ${clock.between(receivedAt, refusedAt)} ms after the signal came${proved}. The activity was ${clock.between(activityAt, receivedAt)} ms before that.`,
  ];
};

const factsOf = (incident: Incident, { credentials, proposal, clock }: Known): readonly string[] => {
  const all = touched(incident, credentials);
  return [
    ...(all.credentials.length > 0 ? [`Credentials: ${named(all.credentials)}`] : []),
    ...(all.principals.length > 0 ? [`Denied: ${named(all.principals)}`] : []),
    ...(all.isolations.length > 0 ? [`Isolated: ${named(all.isolations)}`] : []),
    `Why: ${incident.reason} (${incident.scenario}, severity ${incident.severity}), by ${incident.actor.kind} ${incident.actor.principal}`,
    ...(proposal?.state === "open"
      ? [
          `Waits because ${proposal.why}. ${proposal.needs} must approve by ${proposal.expiresAt}; then ${proposal.onExpiry === "narrow" ? "the sessions that were seen are denied" : "nothing is done"}.`,
        ]
      : []),
    ...timesOf(incident, clock),
    `Incident: ${incident.id}, ${incident.state}`,
  ];
};

const nextOf = (moment: Moment, { id }: Pick<Incident, "id">): readonly string[] => {
  if (moment === "proposed" || moment === "escalated")
    return [`rekey proposals`, `rekey approve ${id}`, `rekey deny ${id}`];
  if (moment === "asked") return ["rekey status", "rekey attest <credential> --ended <version>"];
  if (moment === "contained" || moment === "held") return [`rekey status`, `rekey restore ${id}`];
  return moment === "denied" || moment === "restored" ? [] : ["rekey status"];
};

const titleOf = (moment: Moment, incident: Incident, credentials: readonly Credential[]): string => {
  const all = touched(incident, credentials);
  const what = named([...all.credentials, ...all.principals]);
  return what === "" ? TITLES[moment] : `${TITLES[moment]}: ${what}`;
};

/** What answers a moment that no incident is of. */
const bareNext = (moment: Moment, what: string): readonly string[] => {
  if (moment === "stalled") return [`rekey adoption ${what}`, `rekey refresh ${what}`];
  if (moment === "asked") return [`rekey attest ${what} --replaced`];
  if (moment === "overdue") return [`rekey doctor ${what}`, `rekey history ${what}`];
  return ["rekey status"];
};

/** About a credential or signal that no incident is of. */
const bare = ({ moment, subject, key }: Notice, { credentials }: Known): Telling => {
  const [credential] = credentials;
  const what = credential?.name ?? subject;
  return {
    key,
    moment,
    subject,
    title: `${TITLES[moment]}: ${what}`,
    facts: [],
    next: bareNext(moment, what),
  };
};

/** What people are told: of what holds now, which may be more than held when the notice was sent. */
export const tellingOf = (notice: Notice, known: Known): Telling => {
  const { moment, subject, key } = notice;
  const incident = known.incident ?? known.proposal?.incident;
  if (!incident) return bare(notice, known);
  const { id, scenario, severity, reason, actor, signal, finding } = incident;
  return {
    key,
    moment,
    subject,
    title: titleOf(moment, incident, known.credentials),
    facts: factsOf(incident, known),
    next: nextOf(moment, incident),
    incident: { id, scenario, severity, reason, by: `${actor.kind} ${actor.principal}` },
    ...(finding && { finding: { source: signal.slice(0, signal.indexOf(":")), id: finding } }),
  };
};
