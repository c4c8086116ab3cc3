import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Incident } from "./incident.ts";
import type { Clock, Credential, Instant } from "./types.ts";

/** OpenID CAEP 1.0 §3.1 and §3.3 (openid.net/specs/openid-caep-1_0-final.html). */
const CAEP = "https://schemas.openid.net/secevent/caep/event-type/";

/** Who is told, and as which audience. */
export type Receiver = {
  readonly name: string;
  readonly url: string;
  readonly audience: string;
  /** Name of the secret that holds the Authorization header; absent where the receiver asks for none. */
  readonly authorization?: string | undefined;
};

type SubjectId = { readonly format: "iss_sub"; readonly iss: string; readonly sub: string };
/** Claims of a Security Event Token (RFC 8417). It has no `sub` and no `exp` (OpenID SSF 1.0 §4.1). */
export type Claims = {
  readonly iss: string;
  readonly jti: string;
  readonly iat: number;
  readonly aud: string;
  readonly txn: string;
  readonly sub_id: SubjectId;
  /** One event in each token: CAEP Interoperability Profile 1.0, "The events claim". */
  readonly events: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};
/** One token for one receiver: what is queued, signed and sent. */
export type Transmission = { readonly receiver: string; readonly claims: Claims };

const EPOCH = "1970-01-01T00:00:00.000Z" as Instant;
const secondsBy = (clock: Pick<Clock, "between">) => (at: Instant) => Math.floor(clock.between(EPOCH, at) / 1_000);

const WHO = { playbook: "policy", agent: "policy", human: "admin", schedule: "system", service: "system" } as const;

type Told = { readonly type: string; readonly sub: string; readonly fields: Readonly<Record<string, unknown>> };

/** CAEP Interoperability Profile 1.0 asks for a reason_admin that is not empty; CAEP 1.0 §2 for texts by language. */
const common = ({ id, reason, actor }: Incident, seconds: number) => ({
  event_timestamp: seconds,
  initiating_entity: WHO[actor.kind],
  reason_admin: { en: `${reason} (${id})` },
});

type Seconds = (at: Instant) => number;

const revoked = (incident: Incident, credentials: readonly Credential[], seconds: Seconds): readonly Told[] =>
  credentials.flatMap(({ id, kind, name, workload }) => {
    const refusedAt = incident.progress[id]?.killed.at(-1)?.refusedAt;
    const fields = { credential_type: kind, change_type: "revoke", friendly_name: name };
    return refusedAt
      ? [{ type: "credential-change", sub: workload, fields: { ...fields, ...common(incident, seconds(refusedAt)) } }]
      : [];
  });

/** Sessions are what a denial ends: those that were seen, all before an instant, or any. */
const denied = (incident: Incident, seconds: Seconds): readonly Told[] =>
  (incident.principals ?? []).flatMap(({ principal, arn }) => {
    const done = incident.quarantined?.[principal];
    return done && !done.liftedAt
      ? [{ type: "session-revoked", sub: arn, fields: common(incident, seconds(done.deniedAt)) }]
      : [];
  });

type Telling = {
  readonly issuer: string;
  readonly receivers: readonly Receiver[];
  readonly at: Instant;
  readonly clock: Pick<Clock, "between">;
};

/** What each receiver is told of a containment. Told again it has the same ids, so that a receiver takes it once. */
export const transmissions = (
  incident: Incident,
  credentials: readonly Credential[],
  { issuer, receivers, at, clock }: Telling,
): readonly Transmission[] => {
  const seconds = secondsBy(clock);
  const told = [...revoked(incident, credentials, seconds), ...denied(incident, seconds)];
  return receivers.flatMap(({ name, audience }) =>
    told.map(({ type, sub, fields }) => {
      const what = JSON.stringify([incident.id, type, sub, fields["friendly_name"] ?? "", audience]);
      return {
        receiver: name,
        claims: {
          iss: issuer,
          jti: bytesToHex(sha256(utf8ToBytes(what))).slice(0, 32),
          iat: seconds(at),
          aud: audience,
          txn: incident.id,
          sub_id: { format: "iss_sub", iss: issuer, sub },
          events: { [`${CAEP}${type}`]: fields },
        },
      };
    }),
  );
};
