import { type Delivered, markOf, rememberedMs, verify } from "../core/ingest.ts";
import type { IngestChannel, KeyedChannel, TokenChannel } from "../core/ingest-channel.ts";
import { described } from "../core/sanitize.ts";
import { delivery } from "../core/signal.ts";
import type { Clock, Instant } from "../core/types.ts";

/** RFC 8935, section 2.4. */
type SetError = "invalid_request" | "invalid_key" | "invalid_issuer" | "invalid_audience" | "authentication_failed";
export type SetVerdict = { readonly claims: Readonly<Record<string, unknown>> } | { readonly err: SetError };

export type IngestWorld = {
  readonly channels: readonly IngestChannel[];
  /** The channel's keys, current first. `fresh`: what was read a moment ago does not do. */
  readonly keys: (secret: string, fresh: boolean) => Promise<readonly string[]>;
  /** Throws when the transmitter's keys cannot be had: that says nothing about the token. */
  readonly readToken: (channel: TokenChannel, token: string, now: Instant) => Promise<SetVerdict>;
  /** Marks of what was taken. */
  readonly taken: {
    readonly has: (mark: string, now: Instant) => Promise<boolean>;
    readonly add: (mark: string, until: Instant) => Promise<void>;
  };
  /** Resolves when the queue of signals has it. */
  readonly queue: (message: string) => Promise<void>;
  readonly clock: Pick<Clock, "now" | "after" | "between">;
  readonly tell: (level: "info" | "warn" | "error", what: string, facts: Readonly<Record<string, unknown>>) => void;
};

export type Posted = Delivered & { readonly channel: string };
export type Answer = { readonly status: 202 | 400 | 401 | 413 | 503; readonly body?: Readonly<Record<string, string>> };

/** Of a body, in bytes: what a message of SQS held until 2025, and far more than a detector's event. */
export const LARGEST_BODY = 262_144;
/** SQS: 1 MiB a message (API reference, SendMessage). JSON may grow when it is written again. */
const LARGEST_MESSAGE = 1_048_576;
/** Bodies in one delivery that is a list. */
const MOST_BODIES = 100;

const ACCEPTED: Answer = { status: 202 };
/** The same for a channel that is not there, so that answers tell nobody which are. */
const UNAUTHORIZED: Answer = { status: 401, body: { message: "Unauthorized" } };
const TOO_LARGE: Answer = { status: 413, body: { message: "Too large" } };
const NOT_JSON: Answer = { status: 400, body: { message: "The body is not JSON in UTF-8" } };
const LATER: Answer = { status: 503, body: { message: "Not taken, send it again" } };

const DESCRIPTIONS: Readonly<Record<SetError, string>> = {
  invalid_request: "Not a security event token, or one that is too old",
  invalid_key: "No key of the transmitter's fits the token",
  invalid_issuer: "The channel takes tokens of another issuer",
  invalid_audience: "The token is meant for somebody else",
  authentication_failed: "The transmitter could not be authenticated",
};
const setFailure = (err: SetError): Answer => ({ status: 400, body: { err, description: DESCRIPTIONS[err] } });

type Proven = { readonly bodies: readonly unknown[]; readonly mark: string };
type Checked = Proven | { readonly answer: Answer; readonly why: string };

const isPing = (channel: IngestChannel, body: unknown): boolean =>
  channel.auth === "github" && typeof body === "object" && body !== null && "zen" in body && "hook_id" in body;

const parsed = (bytes: Uint8Array): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch {
    return undefined;
  }
};

/** GitHub's ping is no finding: a new webhook works when it is accepted, and nothing is queued. */
const bodiesOf = (channel: IngestChannel, value: unknown): readonly unknown[] => {
  if (isPing(channel, value)) return [];
  return Array.isArray(value) ? value : [value];
};

const EPOCH = "1970-01-01T00:00:00.000Z" as Instant;

const judge = async ({ keys, clock }: IngestWorld, channel: KeyedChannel, posted: Posted) => {
  const now = {
    seconds: clock.between(EPOCH, clock.now()) / 1_000,
    parse: (text: string) => clock.between(EPOCH, text as Instant),
  };
  const first = verify(channel, posted, await keys(channel.secret, false), now);
  // The secret may have been rotated since it was read.
  if ("mark" in first || first.refused !== "signature") return first;
  return verify(channel, posted, await keys(channel.secret, true), now);
};

const byKey = async (world: IngestWorld, channel: KeyedChannel, posted: Posted): Promise<Checked> => {
  const verdict = await judge(world, channel, posted);
  if ("refused" in verdict) return { answer: UNAUTHORIZED, why: verdict.refused };
  const body = parsed(posted.body);
  if (!body) return { answer: NOT_JSON, why: "not JSON" };
  return { bodies: bodiesOf(channel, body.value), mark: verdict.mark };
};

/** The header that the stream was configured with, where it was, as a channel of kind `token` would have it. */
const isAdmitted = async (world: IngestWorld, channel: TokenChannel, posted: Posted): Promise<boolean> => {
  const { secret, name, account, maxAgeSeconds } = channel;
  if (secret === undefined) return true;
  const asToken = { name, account, maxAgeSeconds, auth: "token", secret } as const;
  return "mark" in (await judge(world, asToken, posted));
};

const byToken = async (world: IngestWorld, channel: TokenChannel, posted: Posted): Promise<Checked> => {
  const refused = (err: SetError): Checked => ({ answer: setFailure(err), why: err });
  if (!(await isAdmitted(world, channel, posted))) return refused("authentication_failed");
  const text = new TextDecoder().decode(posted.body).trim();
  const verdict = await world.readToken(channel, text, world.clock.now());
  if ("err" in verdict) return refused(verdict.err);
  return { bodies: [verdict.claims], mark: markOf(channel, String(verdict.claims["jti"])) };
};

/** A table that does not answer must not hold up a signal: `respond` knows a repetition by the signal's id. */
const wasTaken = async ({ taken, clock, tell }: IngestWorld, channel: IngestChannel, mark: string) =>
  taken.has(mark, clock.now()).catch((error) => {
    tell("warn", "repetitions are not seen", { channel: channel.name, error: described(error) });
    return false;
  });

const remember = async ({ taken, clock, tell }: IngestWorld, channel: IngestChannel, mark: string) =>
  taken.add(mark, clock.after(clock.now(), rememberedMs(channel))).catch((error) => {
    tell("warn", "not remembered", { channel: channel.name, error: described(error) });
  });

/** Nothing when a body is nested deeper than it can be written again. */
const messagesOf = ({ name, account, cluster }: IngestChannel, bodies: readonly unknown[]) => {
  const from = { name, account, ...(cluster !== undefined && { cluster }) };
  try {
    return bodies.map((body) => JSON.stringify(delivery(from, body)));
  } catch {
    return undefined;
  }
};

const take = async (world: IngestWorld, channel: IngestChannel, { bodies, mark }: Proven): Promise<Answer> => {
  const messages = messagesOf(channel, bodies);
  if (!messages) return NOT_JSON;
  const isLarge = messages.some((message) => new TextEncoder().encode(message).length > LARGEST_MESSAGE);
  if (isLarge || messages.length > MOST_BODIES) return TOO_LARGE;
  if (await wasTaken(world, channel, mark)) {
    world.tell("info", "repeated", { channel: channel.name });
    return ACCEPTED;
  }
  // Remembered after it is queued: a crash between the two brings a repetition, the other order would lose a signal.
  await Promise.all(messages.map(world.queue));
  await remember(world, channel, mark);
  world.tell("info", "taken", { channel: channel.name, bodies: messages.length });
  return ACCEPTED;
};

/**
 * Takes what a detector posted into the queue of signals, or says why not. Whose account and cluster it speaks for is
 * the channel's alone. Never throws: 503 means that nothing was decided and the sender should try again.
 */
export const ingest = async (world: IngestWorld, posted: Posted): Promise<Answer> => {
  if (posted.body.length > LARGEST_BODY) return TOO_LARGE;
  const channel = world.channels.find(({ name }) => name === posted.channel);
  if (!channel) {
    world.tell("info", "refused", { why: "no such channel" });
    return UNAUTHORIZED;
  }
  try {
    const checked = await (channel.auth === "ssf" ? byToken(world, channel, posted) : byKey(world, channel, posted));
    if (!("answer" in checked)) return await take(world, channel, checked);
    world.tell("info", "refused", { channel: channel.name, why: checked.why });
    return checked.answer;
  } catch (error) {
    world.tell("error", "not taken", { channel: channel.name, error: described(error) });
    return LATER;
  }
};
