import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { plain } from "../../core/signal.ts";
import { type Channel, reading, type Signal } from "../../core/types.ts";
import { accountBy, idOf, typeOf } from "../shared/bound.ts";
import { firstMoment, Moment } from "../shared/time.ts";
import { EVENTS, isKnown, OF_STREAM, shortName } from "./events.ts";
import { ofSubject } from "./subject.ts";

/** Claims of a Security Event Token (RFC 8417); whoever delivers it has verified signature, issuer and audience. */
const Event = z.lazy(() =>
  z.object({
    iss: z.string().check(z.minLength(1), z.maxLength(512)),
    jti: z.string().check(z.minLength(1), z.maxLength(512)),
    iat: Moment,
    toe: z.nullish(z.union([z.number(), z.string()])),
    txn: z.nullish(z.string()),
    sub: z.nullish(z.string()),
    sub_id: z.nullish(z.unknown()),
    events: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .check(
        z.refine((events) => Object.keys(events).some(isKnown), "names no event of CAEP or RISC that Rekey knows"),
      ),
  }),
);
type Event = z.infer<typeof Event>;
type Fields = Event["events"][string];

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** CAEP's reasons are texts by language. */
const reasons = (fields: Fields): readonly string[] =>
  ["reason_admin", "reason_user"].flatMap((name) => {
    const given = fields[name];
    if (typeof given === "string") return [given];
    return typeof given === "object" && given !== null
      ? Object.values(given).filter((one) => typeof one === "string")
      : [];
  });

const signal = (event: Event, uri: string, channel: Channel | undefined): Signal => {
  const fields = event.events[uri] ?? {};
  const account = accountBy(channel);
  const subject =
    event.sub_id ??
    fields["subject"] ??
    (event.sub ? { format: "iss_sub", iss: event.iss, sub: event.sub } : undefined);
  const at = firstMoment(fields["event_timestamp"], event.toe) ?? event.iat;
  return {
    id: idOf("ssf", account, undefined, event.iss, event.jti, uri),
    source: "ssf",
    type: typeOf("ssf", shortName(uri)),
    scenario: "exfiltrated",
    severity: EVENTS[uri]?.(fields) ?? 0,
    activityAt: at,
    account,
    subjects: [...new Set(ofSubject(subject, event.iss))],
    facts: factsOf({
      finding: event.jti,
      channel: channel?.name,
      lastSeenAt: at,
      product: event.iss,
      change: text(fields["change_type"]) ?? text(fields["current_level"]),
      credentialType: text(fields["credential_type"]),
      indicators: [text(fields["risk_reason"]), text(fields["initiating_entity"]), event.txn && `txn=${event.txn}`],
      tokenSource: event.iss,
    }),
    untrusted: plain([...reasons(fields), text(fields["friendly_name"])].filter(Boolean).join(" ")),
  };
};

export default reading({
  event: Event,
  normalize: (event, channel) =>
    Object.keys(event.events)
      .filter((uri) => Object.hasOwn(EVENTS, uri) && !OF_STREAM.test(uri))
      .map((uri) => signal(event, uri, channel)),
});
