import { type LifecycleEvent, SIGNALS } from "../core/events.ts";
import type { Incident, Incidents, Inventory } from "../core/incident.ts";
import { seqsOf } from "../core/ledger/append.ts";
import type { Notice } from "../core/notice.ts";
import { type Common, hears, type Notifier, type NotifierVerbs, type Outcome, type Telling } from "../core/notifier.ts";
import type { Proposals } from "../core/proposal.ts";
import { tellingOf } from "../core/telling.ts";
import type { Clock, CredentialId, Ledger } from "../core/types.ts";

/** One notice for one notifier: what is queued. */
export type Errand = { readonly notifier: string; readonly notice: Notice };

export type NotifyWorld = {
  /** The entries of the config. */
  readonly settings: readonly Common[];
  readonly notifiers: readonly Notifier[];
  readonly connect: (notifier: Notifier, settings: Common) => Promise<NotifierVerbs>;
  readonly incidents: Pick<Incidents, "get">;
  readonly proposals: Pick<Proposals, "get">;
  readonly inventory: Pick<Inventory, "many">;
  readonly ledger: Pick<Ledger, "appendBatch">;
  readonly clock: Pick<Clock, "between" | "now">;
  /** Whether this was told already, and that it was. */
  readonly told: { has(mark: string): Promise<boolean>; add(mark: string): Promise<void> };
  /** One message for each notifier, so that one that is away holds up no other. */
  readonly enqueue: (errand: Errand) => Promise<void>;
};

/** Queues a notice for every notifier; answers for how many. Twice is once in the end: each is told of a key once. */
export const spread = async (world: NotifyWorld, notice: Notice): Promise<number> => {
  for (const { name } of world.settings) await world.enqueue({ notifier: name, notice });
  return world.settings.length;
};

const lookUp = async (world: NotifyWorld, { subject }: Notice) => {
  const isIncident = /^inc-/.test(subject);
  const [incident, proposal] = isIncident
    ? await Promise.all([world.incidents.get(subject), world.proposals.get(subject)])
    : [];
  const of = incident ?? proposal?.incident;
  const ids = of ? of.plans.map(({ credential }) => credential) : [subject as CredentialId];
  const credentials = of || subject.startsWith("arn:") ? await world.inventory.many(ids) : [];
  return { credentials, clock: world.clock, ...(incident && { incident }), ...(proposal && { proposal }) };
};

/** Whether its playbook has this notifier told; one that says nothing has all told. */
const isMeant = (
  { to }: Notice,
  { incident, proposal }: { readonly incident?: Incident; readonly proposal?: { readonly incident: Incident } },
  name: string,
): boolean => ((incident ?? proposal?.incident)?.tell ?? to)?.includes(name) ?? true;

const streamsOf = (incident: Incident | undefined): readonly string[] => {
  const all = incident
    ? [
        ...incident.plans.map(({ credential }) => credential),
        ...(incident.principals ?? []).map(({ principal }) => principal),
      ]
    : [];
  return all.length > 0 ? all : [SIGNALS];
};

const record = async (world: NotifyWorld, { kind, name }: Common, telling: Telling, incident: Incident | undefined) => {
  const at = world.clock.now();
  const events = streamsOf(incident).map(
    (stream): LifecycleEvent => ({
      id: `${telling.key}:told:${name}`,
      stream,
      type: "people.told",
      at,
      actor: { kind: "service", principal: "rekey-notify" },
      data: {
        incident: incident?.id ?? null,
        moment: telling.moment,
        notifier: name,
        kind,
        receivedToToldMs: incident ? world.clock.between(incident.timeline.receivedAt, at) : null,
      },
    }),
  );
  seqsOf(await world.ledger.appendBatch(events));
};

/**
 * Tells one notifier of one notice, as what holds now. Told, marked, recorded, in that order: a run that dies before it has
 * marked tells it again, and a ledger that does not answer has it recorded later and nobody told twice. Throws where it
 * has to come again.
 */
export const deliver = async (
  world: NotifyWorld,
  { notifier: name, notice }: Errand,
  signal: AbortSignal,
): Promise<Outcome | "already"> => {
  const settings = world.settings.find((one) => one.name === name);
  const notifier = world.notifiers.find(({ kind }) => kind === settings?.kind);
  if (!settings || !notifier) return { refused: `no notifier ${name} is configured any more` };
  const mark = `told:${name}:${notice.key}`;
  const isTold = await world.told.has(mark);
  const known = await lookUp(world, notice);
  const telling = tellingOf(notice, known);
  if (!isMeant(notice, known, name) || !hears(settings, notifier.moments, telling)) return "nothing";
  if (!isTold) {
    const outcome = await (await world.connect(notifier, settings)).tell(telling, signal);
    if (outcome !== "told") return outcome;
    await world.told.add(mark);
  }
  await record(world, settings, telling, known.incident ?? known.proposal?.incident);
  return isTold ? "already" : "told";
};
