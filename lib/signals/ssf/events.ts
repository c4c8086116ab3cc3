const CAEP = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC = "https://schemas.openid.net/secevent/risc/event-type/";

type Fields = Readonly<Record<string, unknown>>;
type Weight = (fields: Fields) => number;

/** A provider that takes something away has seen something; one that renews it is at its everyday work. */
const byChange: Weight = ({ change_type: change }) => (change === "revoke" || change === "delete" ? 60 : 20);
const LEVELS: Readonly<Record<string, number>> = { HIGH: 80, MEDIUM: 50, LOW: 10 };
const byLevel: Weight = ({ current_level: level }) => LEVELS[String(level).toUpperCase()] ?? 50;
const always =
  (severity: number): Weight =>
  () =>
    severity;

/** The event types of OpenID CAEP 1.0 and RISC 1.0 that tell of a credential or a session, with what each weighs. */
export const EVENTS: Readonly<Record<string, Weight>> = {
  [`${CAEP}credential-change`]: byChange,
  [`${CAEP}session-revoked`]: always(60),
  [`${CAEP}risk-level-change`]: byLevel,
  [`${CAEP}assurance-level-change`]: ({ change_direction: direction }) => (direction === "decrease" ? 40 : 10),
  [`${CAEP}device-compliance-change`]: ({ current_status: status }) => (status === "not-compliant" ? 40 : 10),
  [`${CAEP}token-claims-change`]: always(20),
  [`${RISC}credential-compromise`]: always(90),
  [`${RISC}account-credential-change-required`]: always(70),
  [`${RISC}account-disabled`]: always(60),
  [`${RISC}account-purged`]: always(60),
  [`${RISC}sessions-revoked`]: always(60),
};

/** What a stream says of itself: accepted, and no anomaly. */
export const OF_STREAM = /^https:\/\/schemas\.openid\.net\/secevent\/ssf\/event-type\/(?:verification|stream-updated)$/;

export const isKnown = (uri: string): boolean => Object.hasOwn(EVENTS, uri) || OF_STREAM.test(uri);

/** `caep/credential-change` of the event's address. */
export const shortName = (uri: string): string => uri.replace(/^.*\/secevent\//, "").replace("/event-type/", "/");
