import type { Actor } from "../events.ts";
import type { Moment, Sealed } from "./entry.ts";

/** An event of the Open Cybersecurity Schema Framework, version 1.6.0 (schema.ocsf.io/1.6.0). */
export type OcsfEvent = Readonly<Record<string, unknown>>;

const VERSION = "1.6.0";
const ENTITY = { category_uid: 3, class_uid: 3004 };
const FINDING = { category_uid: 2, class_uid: 2004 };
const REMEDIATION = { category_uid: 7, class_uid: 7001 };
// activity_id of Entity Management, Detection Finding and Remediation Activity.
const [CREATE, UPDATE, DEACTIVATE] = [1, 3, 11];
const [ISOLATE, EVICT, RESTORE] = [1, 2, 3];
/** status_id. */
const [SUCCESS, FAILURE, OTHER] = [1, 2, 99];
const INFORMATIONAL = 1;
/** From this score of 0 to 100 on, which severity_id: critical, high, medium, low. */
const SEVERITIES = [
  [90, 5],
  [70, 4],
  [40, 3],
  [1, 2],
] as const;

const severityOf = (score: number): number => SEVERITIES.find(([from]) => score >= from)?.[1] ?? INFORMATIONAL;

/** A person is a user of that id; everything else is named as what acted. */
const actorOf = ({ kind, principal }: Actor) =>
  kind === "human" ? { user: { uid: principal, type_id: 1 } } : { app_name: `${kind}:${principal}` };

const entityOf = ({ stream, data }: Sealed) => {
  const version: unknown = "version" in data ? data.version : undefined;
  // Of managed_entity's types none is a credential: 99 is "Other", which `type` names.
  return { uid: stream, type: "Credential", type_id: 99, ...(typeof version === "string" && { version }) };
};

type Made = Readonly<Record<string, unknown>> & { readonly class_uid: number; readonly activity_id: number };

const entity = (event: Sealed, activity: number, more: object = {}): Made => ({
  ...ENTITY,
  activity_id: activity,
  actor: actorOf(event.actor),
  entity: entityOf(event),
  ...(event.reason !== undefined && { comment: event.reason }),
  status_id: SUCCESS,
  ...more,
});

const remediation = (incident: string, activity: number, status: number, more: object = {}): Made => ({
  ...REMEDIATION,
  activity_id: activity,
  command_uid: incident,
  status_id: status,
  ...more,
});

const failed = ({ step, error }: { readonly step: string; readonly error: string }) => ({
  status_id: FAILURE,
  status_detail: `${step}: ${error}`,
});

/** The class and what it asks for; undefined where no class fits. */
const made = (event: Sealed): Made | undefined => {
  switch (event.type) {
    case "inventory.registered":
      return entity(event, CREATE);
    case "rotation.succeeded":
    case "rotation.repaired":
      return entity(event, UPDATE);
    case "rotation.failed":
      return entity(event, UPDATE, failed(event.data));
    case "version.retired":
      return entity(event, DEACTIVATE);
    case "signal.received":
      return {
        ...FINDING,
        activity_id: CREATE,
        finding_info: { uid: event.data.signal, title: event.data.type, types: [event.data.source] },
        resources: [{ uid: event.stream, type: "Credential" }],
        severity_id: severityOf(event.data.severity),
      };
    case "containment.started":
      return remediation(event.data.incident, EVICT, OTHER);
    case "containment.effective":
    case "containment.held":
      return remediation(event.data.incident, EVICT, SUCCESS);
    case "containment.narrowed":
      return remediation(event.data.incident, ISOLATE, SUCCESS);
    case "containment.failed":
      return remediation(event.data.incident, EVICT, FAILURE, failed(event.data));
    case "containment.restored":
      return remediation(event.data.incident, RESTORE, SUCCESS);
    default:
      return undefined;
  }
};

/** A ledger event as an OCSF event; undefined for those that no class of OCSF describes. */
export const toOcsf = (event: Sealed, origin: string, ms: Moment["ms"]): OcsfEvent | undefined => {
  const one = made(event);
  if (!one) return undefined;
  return {
    severity_id: INFORMATIONAL,
    ...one,
    type_uid: one.class_uid * 100 + one.activity_id,
    time: ms(event.at),
    message: `${event.type} of ${event.stream}`,
    metadata: {
      version: VERSION,
      product: { name: "Rekey", vendor_name: "Rekey" },
      uid: event.id,
      event_code: event.type,
      log_name: origin,
      sequence: event.index,
    },
  };
};
