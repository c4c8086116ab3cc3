import { explained } from "./facts.ts";
import { accountOf } from "./identifier.ts";
import { withoutSecrets } from "./leak.ts";
import { misses, takes } from "./shape.ts";
import type { Channel, Reading, Signal, SignalSource } from "./types.ts";

const LONGEST_TEXT = 500;
const LONGEST_ECHO = 80;

/**
 * Text from outside as data: one line, no control, format or broken characters, nothing that looks like a secret, at
 * most `longest` UTF-16 units.
 */
export const plain = (text: string, longest = LONGEST_TEXT): string =>
  withoutSecrets(
    text
      // Twice as much, so that a secret at the cut is seen whole.
      .slice(0, 2 * longest)
      .toWellFormed()
      .replace(/[\p{C}\p{Zl}\p{Zp}\uFFFD]+/gu, " "),
  )
    .slice(0, longest)
    .toWellFormed()
    .replaceAll("\uFFFD", " ")
    .trim();

export type Inert = NonNullable<Signal["inert"]>;

/** Why a signal must not act: the first reason that holds. A replay comes first, since it repeats everything else. */
export const inertBy = (reasons: { readonly [R in Inert]?: boolean | undefined }): { readonly inert?: Inert } => {
  const order: readonly Inert[] = ["replay", "unbound", "sample", "archived", "provokable"];
  const inert = order.find((reason) => reasons[reason]);
  return inert ? { inert } : {};
};

type Envelope = {
  readonly source: unknown;
  readonly "detail-type": unknown;
  readonly account?: unknown;
  readonly detail?: unknown;
  readonly "replay-name"?: unknown;
};

const isEnvelope = (event: unknown): event is Envelope =>
  typeof event === "object" && event !== null && "source" in event && "detail-type" in event;

const includes = (list: readonly string[], value: unknown) => typeof value === "string" && list.includes(value);

/** The source whose EventBridge pattern the event matches. */
const matchSource = (sources: readonly LoadedSource[], event: Envelope): LoadedSource | undefined =>
  sources.find(
    ({ pattern }) =>
      pattern && includes(pattern.source, event.source) && includes(pattern["detail-type"], event["detail-type"]),
  );

/** A source with its code. */
export type LoadedSource = SignalSource & Reading;

export const loaded = async (source: SignalSource): Promise<LoadedSource> => ({ ...source, ...(await source.load()) });

export type Parsed = { readonly signals: readonly Signal[] } | { readonly rejected: string };

const echo = (value: unknown, longest: number) =>
  typeof value === "string" ? `"${plain(value, longest)}"` : `of type ${value === null ? "null" : typeof value}`;

/** The source that misses least of its shape, with the first place that it misses. */
const nearest = (sources: readonly SignalSource[], body: unknown): string => {
  const near = sources
    .flatMap(({ name, shape = [] }) => {
      const missing = misses(shape, body);
      const found = shape.length - missing.length;
      return found > 0 && missing[0] !== undefined ? [{ name, missing: missing[0], part: found / shape.length }] : [];
    })
    .sort((a, b) => b.part - a.part)[0];
  return near ? `nearest is ${near.name}, but ${near.missing} is missing` : "no signal source knows its form";
};

const unmatched = (sources: readonly SignalSource[], event: unknown): Parsed => {
  if (typeof event !== "object" || event === null || Array.isArray(event)) {
    return { rejected: `not an event: it is ${Array.isArray(event) ? "a list" : echo(event, LONGEST_ECHO / 2)}` };
  }
  if (!isEnvelope(event)) {
    return { rejected: `no EventBridge event (\`source\`, \`detail-type\`); as a body, ${nearest(sources, event)}` };
  }
  const source = echo(event.source, LONGEST_ECHO / 2);
  const type = echo(event["detail-type"], LONGEST_ECHO / 2);
  return { rejected: `no signal source takes events with source ${source} and detail-type ${type}` };
};

type Issue = {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
};

/** Path and code only: a schema's messages may quote the value. What a source checks itself, it words itself. */
const complaint = ({ code, message, keys = [] }: Issue) => {
  if (code === "custom") return message;
  if (code === "unrecognized_keys") return `has an unknown key ${echo(keys[0], LONGEST_ECHO / 2)}`;
  return `is missing or wrong (${code ?? "unknown"})`;
};

const problem = (issue: Issue | undefined) => {
  if (!issue) return "the event is wrong";
  return `${plain(issue.path.map(String).join("."), LONGEST_ECHO) || "the event"} ${complaint(issue)}`;
};

/** A body speaks for its channel's account only: what it says of others' is left out. */
const ofAccount = (signal: Signal): Signal => ({
  ...signal,
  subjects: signal.subjects.filter((name) => (accountOf(name) ?? signal.account) === signal.account),
});

const read = (source: LoadedSource, event: unknown, channel: Channel | undefined): Parsed => {
  const parsed = source.event.safeParse(event);
  if (!parsed.success) return { rejected: `${source.name}: ${problem(parsed.error.issues[0])}` };
  try {
    return { signals: source.normalize(parsed.data, channel) };
  } catch {
    return { rejected: `${source.name}: the event passes its schema, but the source failed on it; report this` };
  }
};

const changed = (parsed: Parsed, change: (signal: Signal) => Signal): Parsed =>
  "signals" in parsed ? { signals: parsed.signals.map(change) } : parsed;

const isBound = (channel: Channel | undefined): channel is Channel & { readonly account: string } =>
  /^\d{12}$/.test(channel?.account ?? "");

/** What came by a channel, or by none: then nobody vouches for it, and it must not act. */
const parseBody = (sources: readonly LoadedSource[], body: unknown, channel: Channel | undefined): Parsed => {
  const source = sources.find(({ shape }) => shape && takes(shape, body));
  if (!source) return unmatched(sources, body);
  const parsed = read(source, body, channel);
  return changed(parsed, (signal) => (isBound(channel) ? ofAccount(signal) : { ...signal, inert: "unbound" }));
};

const parseEnvelope = (sources: readonly LoadedSource[], event: Envelope): Parsed => {
  const source = matchSource(sources, event);
  const parsed = source ? read(source, event, undefined) : parseCarried(sources, event);
  // Replays are marked here, for every source, so that none can forget to.
  return event["replay-name"] === undefined ? parsed : changed(parsed, (signal) => ({ ...signal, inert: "replay" }));
};

/** A body that a pipe or function put on a bus: EventBridge itself says whose account put it there. */
const parseCarried = (sources: readonly LoadedSource[], event: Envelope): Parsed => {
  const account = typeof event.account === "string" ? event.account : "";
  const isKnown = sources.some(({ shape }) => shape && takes(shape, event.detail));
  return isKnown ? parseBody(sources, event.detail, { name: "eventbridge", account }) : unmatched(sources, event);
};

type Delivery = { readonly rekeyChannel: Channel; readonly body: unknown };

/** What the ingress puts into the queue. EventBridge makes the top of its events itself, so no event can look like it. */
export const delivery = (channel: Channel, body: unknown): Delivery => ({ rekeyChannel: channel, body });

const isDelivery = (event: unknown): event is Delivery =>
  typeof event === "object" &&
  event !== null &&
  "body" in event &&
  "rekeyChannel" in event &&
  typeof event.rekeyChannel === "object" &&
  event.rekeyChannel !== null;

const parsed = (sources: readonly LoadedSource[], event: unknown, channel: Channel | undefined): Parsed => {
  if (channel) return parseBody(sources, event, channel);
  if (isDelivery(event)) return parseBody(sources, event.body, event.rekeyChannel);
  return isEnvelope(event) ? parseEnvelope(sources, event) : parseBody(sources, event, undefined);
};

/**
 * Turns an event into signals, or says why not: which source, where, what. An EventBridge event is known by its
 * pattern; a body that a channel delivered by its shape, even where it looks like an EventBridge event: its account
 * would be of its own choice. Never throws; a rejection repeats at most 80 characters of the event.
 */
export const parseSignals = (sources: readonly LoadedSource[], event: unknown, channel?: Channel): Parsed =>
  changed(parsed(sources, event, channel), explained);

/** What stands in for the code of a source that cannot take the event at hand. */
const UNLOADED = { event: { safeParse: () => ({ success: false }) }, normalize: () => [] } as unknown as Reading;

const detailOf = (event: unknown): unknown => (isEnvelope(event) ? event.detail : undefined);

/** Whether a source's pattern or shape fits the event, or what it carries: a superset of what will read it. */
const mayTake = (event: unknown) => {
  const body = isDelivery(event) ? event.body : event;
  return (source: SignalSource): boolean =>
    (isEnvelope(event) && matchSource([source as LoadedSource], event) !== undefined) ||
    [event, body, detailOf(event)].some((one) => source.shape !== undefined && takes(source.shape, one));
};

/** As `parseSignals`, loading the code of no source but those that the event's form allows. */
export const readSignals = async (
  sources: readonly SignalSource[],
  event: unknown,
  channel?: Channel,
): Promise<Parsed> => {
  const isWanted = mayTake(event);
  const ready = await Promise.all(
    sources.map((source) => (isWanted(source) ? loaded(source) : { ...source, ...UNLOADED })),
  );
  return parseSignals(ready, event, channel);
};
