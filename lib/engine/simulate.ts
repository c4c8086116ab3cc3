import type { LifecycleEvent } from "../core/events.ts";
import { incidentOf } from "../core/ids.ts";
import type { Clock, Identifier, Instant, Scenario, Signal } from "../core/types.ts";
import { type ForeseeWorld, type Foresight, foresee } from "./foresee.ts";

/** What was done about a signal, as the ledger tells. */
export type Happened = "contained" | "narrowed" | "begun" | "proposed" | "ignored" | "nothing recorded";

/** One signal of the past: what was done, and what these playbooks would have done. */
export type Replayed = {
  readonly at: Instant;
  readonly signal: string;
  readonly type: string;
  readonly did: Happened;
  /** Why nothing was done, where that is so. */
  readonly why: string | null;
  readonly would: Foresight;
};

type Received = Extract<LifecycleEvent, { readonly type: "signal.received" }>;

/** Events of before it was recorded have no account: the stream's secret or the signal's id tells it. */
const accountOf = ({ stream, data }: Received): string => {
  const { account } = data as Partial<Received["data"]>;
  return account ?? (stream.startsWith("arn:") ? stream.split(":")[4] : /:(\d{12}):/.exec(data.signal)?.[1]) ?? "";
};

/** The signal as far as the ledger has it: no facts (so no addresses and no confidence) and none of the detector's text. */
const signalOf = (event: Received): Signal => {
  const { signal: id, source, type, scenario, severity, subjects, activityAt } = event.data;
  const { inert } = event.data as Partial<Received["data"]>;
  return {
    id,
    source,
    type,
    scenario: scenario as Scenario,
    severity,
    subjects: subjects as readonly Identifier[],
    activityAt,
    account: accountOf(event),
    ...(inert && { inert: inert as Signal["inert"] & string }),
    untrusted: "",
  };
};

const WORDS: readonly (readonly [LifecycleEvent["type"], Happened])[] = [
  ["containment.effective", "contained"],
  ["containment.quarantined", "contained"],
  ["containment.narrowed", "narrowed"],
  ["containment.started", "begun"],
  ["approval.requested", "proposed"],
  ["signal.ignored", "ignored"],
];

const subjectOf = (event: LifecycleEvent): string | undefined => {
  if ("incident" in event.data && typeof event.data.incident === "string") return event.data.incident;
  if ("proposal" in event.data) return event.data.proposal;
  return "signal" in event.data && event.type === "signal.ignored" ? event.data.signal : undefined;
};

/** What happened, by incident's id and by signal's. */
const happenings = (events: readonly LifecycleEvent[]): ReadonlyMap<string, readonly LifecycleEvent[]> => {
  const found = new Map<string, LifecycleEvent[]>();
  for (const event of events) {
    const subject = subjectOf(event);
    if (subject) found.set(subject, [...(found.get(subject) ?? []), event]);
  }
  return found;
};

const didTo = (signal: Signal, found: ReadonlyMap<string, readonly LifecycleEvent[]>) => {
  const events = [...(found.get(incidentOf(signal.id)) ?? []), ...(found.get(signal.id) ?? [])];
  const [, did = "nothing recorded" as const] = WORDS.find(([type]) => events.some((one) => one.type === type)) ?? [];
  const ignored = events.find((one) => one.type === "signal.ignored");
  return { did, why: did === "ignored" && ignored?.type === "signal.ignored" ? ignored.data.reason : null };
};

/** Each signal once, oldest first: it is recorded on every stream that it is about. */
const signalsIn = (events: readonly LifecycleEvent[], since: Instant): readonly Received[] => {
  const received = events.filter((event): event is Received => event.type === "signal.received" && event.at >= since);
  const first = new Map<string, Received>();
  for (const event of received.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
    if (!first.has(event.data.signal)) first.set(event.data.signal, event);
  }
  return [...first.values()];
};

/**
 * What the world's playbooks would have done about the signals of the past, by the code that answers signals, beside what
 * was done. Each is answered at its own instant, so that breakers and quorums count as they would have. The inventory is
 * today's. `world.incidents` has to be empty: what was begun then must not count as begun.
 */
export const simulate = async (
  world: ForeseeWorld & { readonly clock: Pick<Clock, "after"> },
  events: readonly LifecycleEvent[],
  since: Instant,
): Promise<readonly Replayed[]> => {
  const found = happenings(events);
  const replayed: Replayed[] = [];
  for (const event of signalsIn(events, since)) {
    const signal = signalOf(event);
    // Orders of people are signals too, and ask no playbook.
    if (signal.source === "manual") continue;
    const would = await foresee(world, signal, event.at);
    replayed.push({ at: event.at, signal: signal.id, type: signal.type, ...didTo(signal, found), would });
  }
  return replayed;
};

const DONE: Readonly<Record<Happened, Foresight["outcome"]>> = {
  contained: "contain",
  narrowed: "contain",
  begun: "contain",
  proposed: "propose",
  ignored: "record",
  "nothing recorded": "record",
};

/** Whether it would have gone as it went. People being told leaves no trace in the ledger: it counts as recorded. */
export const isSame = ({ did, would }: Replayed): boolean =>
  DONE[did] === (would.outcome === "notify" ? "record" : would.outcome);
