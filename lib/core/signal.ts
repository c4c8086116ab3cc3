import type { Signal, SignalSource } from "./types.ts";

const LONGEST_TEXT = 500;
const LONGEST_ECHO = 80;

/** Text from outside as data: one line, no control, format or broken characters, at most `longest` UTF-16 units. */
export const plain = (text: string, longest = LONGEST_TEXT): string =>
  text
    .slice(0, longest)
    .toWellFormed()
    .replace(/[\p{C}\p{Zl}\p{Zp}\uFFFD]+/gu, " ")
    .trim();

export type Inert = NonNullable<Signal["inert"]>;

/** Why a signal must not act: the first reason that holds. A replay comes first, since it repeats everything else. */
export const inertBy = (reasons: { readonly [R in Inert]?: boolean | undefined }): { readonly inert?: Inert } => {
  const order: readonly Inert[] = ["replay", "sample", "archived", "provokable"];
  const inert = order.find((reason) => reasons[reason]);
  return inert ? { inert } : {};
};

type Envelope = { readonly source: unknown; readonly "detail-type": unknown; readonly "replay-name"?: unknown };

const isEnvelope = (event: unknown): event is Envelope =>
  typeof event === "object" && event !== null && "source" in event && "detail-type" in event;

const includes = (list: readonly string[], value: unknown) => typeof value === "string" && list.includes(value);

/** The source whose EventBridge pattern the event matches. */
const matchSource = <S extends Pick<SignalSource, "pattern">>(sources: readonly S[], event: unknown): S | undefined =>
  isEnvelope(event)
    ? sources.find(
        ({ pattern }) =>
          includes(pattern.source, event.source) && includes(pattern["detail-type"], event["detail-type"]),
      )
    : undefined;

export type Parsed = { readonly signals: readonly Signal[] } | { readonly rejected: string };

const echo = (value: unknown, longest: number) =>
  typeof value === "string" ? `"${plain(value, longest)}"` : `of type ${value === null ? "null" : typeof value}`;

const unmatched = (event: unknown): Parsed => {
  if (!isEnvelope(event)) return { rejected: "not an EventBridge event: it needs `source` and `detail-type`" };
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

/** Replays are marked here, for every source, so that none can forget to. */
const replayed = (event: unknown, signals: readonly Signal[]): readonly Signal[] =>
  isEnvelope(event) && event["replay-name"] !== undefined
    ? signals.map((signal): Signal => ({ ...signal, inert: "replay" }))
    : signals;

/**
 * Turns an event into signals, or says why not: which source, where, what. Never throws; a rejection repeats at most
 * 80 characters of the event.
 */
export const parseSignals = (sources: readonly SignalSource[], event: unknown): Parsed => {
  const source = matchSource(sources, event);
  if (!source) return unmatched(event);
  const parsed = source.event.safeParse(event);
  if (!parsed.success) return { rejected: `${source.name}: ${problem(parsed.error.issues[0])}` };
  try {
    return { signals: replayed(event, source.normalize(parsed.data)) };
  } catch {
    return { rejected: `${source.name}: the event passes its schema, but the source failed on it; report this` };
  }
};
