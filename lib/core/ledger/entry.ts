import * as z from "zod/mini";
import { FIELDS } from "../event-fields.ts";
import type { EventType, LifecycleEvent } from "../events.ts";
import { quiet } from "../leak.ts";
import type { Instant, Recorded } from "../types.ts";
import { toBytes, toText } from "./bytes.ts";
import { canonical } from "./canonical.ts";
import { Malformed, Unrecordable } from "./errors.ts";

/** An entry may have so many bytes: reports read bounded pages, and one huge event must not stick in an exporter. */
const MAX_ENTRY_BYTES = 16 * 1024;
// DynamoDB keys: 2,048 bytes of partition key, 1,024 of sort key, less our prefixes.
const MAX_STREAM_BYTES = 2000;
const MAX_ID_BYTES = 1000;

const name = (bytes: number) =>
  z.string().check(z.refine((text) => text !== "" && text.isWellFormed() && toBytes(text).length <= bytes));

/** The shape every event has, whatever its type. */
const EventShape = z.strictObject({
  id: name(MAX_ID_BYTES),
  stream: name(MAX_STREAM_BYTES),
  type: z.string().check(z.regex(/^[a-z]+(\.[a-z_]+)+$/)),
  at: z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)),
  actor: z.strictObject({
    kind: z.enum(["schedule", "playbook", "human", "agent", "service"]),
    principal: z.string(),
  }),
  reason: z.optional(z.string()),
  data: z.record(z.string(), z.unknown()),
});

/** CloudEvents 1.0; extension attributes must be flat and lower-case without separators. */
const Envelope = z.object({
  specversion: z.literal("1.0"),
  id: z.string(),
  source: z.string(),
  type: z.string(),
  subject: z.string(),
  time: z.string(),
  seq: z.int().check(z.positive()),
  receivedat: z.string(),
  actorkind: z.string(),
  actor: z.string(),
  reason: z.optional(z.string()),
  data: z.record(z.string(), z.unknown()),
});

/** The vocabulary is closed: what no type names has no place in the record, whatever it is. */
const mustBeNamed = ({ id, type, data }: z.infer<typeof EventShape>): void => {
  const fields: Readonly<Record<string, true>> | undefined = Object.hasOwn(FIELDS, type)
    ? FIELDS[type as EventType]
    : undefined;
  if (!fields) throw new Unrecordable(`event ${id}: there is no type ${type}`);
  const unknown = Object.keys(data).find((field) => !Object.hasOwn(fields, field));
  if (unknown !== undefined) throw new Unrecordable(`event ${id}: ${type} has no field ${unknown.slice(0, 100)}`);
};

const checked = (event: unknown): LifecycleEvent => {
  const parsed = EventShape.safeParse(event);
  if (parsed.success) {
    mustBeNamed(parsed.data);
    return parsed.data as unknown as LifecycleEvent;
  }
  const id = String((event as { readonly id?: unknown } | null)?.id ?? "without id").slice(0, 200);
  const where = parsed.error.issues.map((issue) => issue.path.join(".") || "its fields").join(", ");
  throw new Unrecordable(`event ${id}: malformed at ${where}`);
};

/** The event in a spooled message. Throws Unrecordable, which tells nothing of the message but an id and field names. */
export const parseEvent = (json: string): LifecycleEvent => {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Unrecordable("a spooled message is not JSON");
  }
  return checked(value);
};

/** In which place of its stream the ledger took an event, and when. */
export type Receipt = { readonly seq: number; readonly receivedAt: Instant };

/**
 * The text whose UTF-8 is the entry: a CloudEvents 1.0 envelope in canonical JSON (RFC 8785). Source and id
 * together are unique, as CloudEvents asks: ids are unique per stream only, so the source names the stream. What looks
 * like a secret in the text of people and programs is struck out: an entry stays for years, and is handed to strangers.
 * Throws Unrecordable when the event is malformed, holds what JSON cannot, or makes over 16,384 bytes.
 */
export const encodeEntry = (given: LifecycleEvent, { seq, receivedAt }: Receipt): string => {
  const event = quiet(checked(given));
  const envelope = {
    specversion: "1.0",
    id: event.id,
    source: `/rekey/streams/${encodeURIComponent(event.stream)}`,
    type: `io.rekey.${event.type}.v1`,
    subject: event.stream,
    time: event.at,
    datacontenttype: "application/json",
    seq,
    receivedat: receivedAt,
    actorkind: event.actor.kind,
    actor: event.actor.principal,
    ...(event.reason === undefined ? {} : { reason: event.reason }),
    data: event.data,
  };
  const text = canonical(envelope, `event ${event.id}`);
  const size = toBytes(text).length;
  if (size <= MAX_ENTRY_BYTES) return text;
  throw new Unrecordable(
    `event ${event.id} makes an entry of ${size} bytes; ${MAX_ENTRY_BYTES} is the most: shorten it`,
  );
};

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(toText(bytes));
  } catch {
    throw new Malformed("the entry is not JSON in UTF-8");
  }
};

/** The event in an entry's bytes. Types it does not know are read all the same. Throws Malformed. */
export const decodeEntry = (bytes: Uint8Array): Recorded => {
  const parsed = Envelope.safeParse(parse(bytes));
  const type = /^io\.rekey\.(.+)\.v1$/.exec(parsed.data?.type ?? "")?.[1];
  if (!parsed.success || type === undefined) throw new Malformed("the entry is not an event of Rekey's");
  const { id, subject, time, seq, receivedat, actorkind, actor, reason, data } = parsed.data;
  return {
    id,
    stream: subject,
    type,
    at: time,
    actor: { kind: actorkind, principal: actor },
    ...(reason === undefined ? {} : { reason }),
    data,
    seq,
    receivedAt: receivedat,
  } as unknown as Recorded;
};
