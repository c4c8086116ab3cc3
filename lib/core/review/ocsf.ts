import type { Actor } from "../events.ts";
import type { Moment, Sealed } from "./entry.ts";

/** An event of the Open Cybersecurity Schema Framework, version 1.6.0 (schema.ocsf.io/1.6.0). */
export type OcsfEvent = Readonly<Record<string, unknown>>;

const VERSION = "1.6.0";
const ENTITY = { category_uid: 3, class_uid: 3004 };
const FINDING = { category_uid: 2, class_uid: 2004 };
const COMPLIANCE = { category_uid: 2, class_uid: 2003 };
const REMEDIATION = { category_uid: 7, class_uid: 7001 };
// activity_id of Entity Management, of both kinds of findings, and of Remediation Activity.
const [CREATE, READ, UPDATE, DEACTIVATE] = [1, 2, 3, 11];
const [ISOLATE, EVICT, RESTORE] = [1, 2, 3];
/** status_id. */
const [SUCCESS, FAILURE, OTHER] = [1, 2, 99];
const [INFORMATIONAL, MEDIUM, CRITICAL] = [1, 3, 5];
/** compliance.status_id. */
const [PASS, FAIL] = [1, 3];
/** What the findings below are findings of. */
const STANDARDS = ["NIST SP 800-53 Rev. 5"];
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

type Found = { readonly control: string; readonly title: string; readonly passed: boolean; readonly about: string };

/** That something which a standard asks for was done, or was not. */
const compliance = (event: Sealed, { control, title, passed, about }: Found): Made => ({
  ...COMPLIANCE,
  activity_id: CREATE,
  finding_info: { uid: event.id, title },
  compliance: { standards: STANDARDS, control, status_id: passed ? PASS : FAIL },
  resources: [{ uid: about, type: "Credential" }],
  severity_id: passed ? INFORMATIONAL : MEDIUM,
});

/** Somebody was at the record itself. */
const alert = (event: Sealed, title: string, of: string): Made => ({
  ...FINDING,
  activity_id: CREATE,
  finding_info: { uid: event.id, title, types: [event.type] },
  resources: [{ uid: of, type: "Ledger" }],
  severity_id: CRITICAL,
});

const failed = ({ step, error }: { readonly step: string; readonly error: string }) => ({
  status_id: FAILURE,
  status_detail: `${step}: ${error}`,
});

/** The class and what it asks for; undefined where no class fits. */
type Make = (event: Sealed) => Made | undefined;

const ofCredential: Make = (event) => {
  switch (event.type) {
    case "inventory.registered":
      return entity(event, CREATE);
    case "rotation.succeeded":
    case "rotation.repaired":
      return entity(event, UPDATE);
    case "rotation.failed":
      return entity(event, UPDATE, failed(event.data));
    case "version.attested":
      return entity(event, event.data.says === "ended" ? DEACTIVATE : UPDATE);
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
    default:
      return undefined;
  }
};

const ofIncident: Make = (event) => {
  switch (event.type) {
    case "containment.started":
      return remediation(event.data.incident, EVICT, OTHER);
    case "containment.effective":
    case "containment.held":
      return remediation(event.data.incident, EVICT, SUCCESS);
    case "containment.failed":
      return remediation(event.data.incident, EVICT, FAILURE, failed(event.data));
    case "containment.narrowed":
    case "containment.withheld":
      return remediation(event.data.incident, ISOLATE, SUCCESS);
    case "containment.quarantined":
      return remediation(event.data.incident, ISOLATE, event.data.evidence === null ? OTHER : SUCCESS);
    case "containment.isolated":
      return remediation(event.data.incident, ISOLATE, event.data.seen ? SUCCESS : OTHER);
    case "containment.restored":
    case "containment.quarantine_lifted":
    case "containment.isolation_lifted":
    case "containment.withholding_lifted":
      return remediation(event.data.incident, RESTORE, SUCCESS);
    default:
      return undefined;
  }
};

/** What a review, a schedule or a drill found, and what was done to the record or taken from it. */
const ofReview: Make = (event) => {
  switch (event.type) {
    case "rotation.overdue": {
      const title = `Not rotated when due: ${event.data.why}`;
      return compliance(event, { control: "IA-5", title, passed: false, about: event.stream });
    }
    case "review.decided": {
      const { credential, decision } = event.data;
      const title = `Access reviewed: ${decision}`;
      return compliance(event, { control: "AC-2", title, passed: decision === "keep", about: credential });
    }
    case "drill.completed": {
      const { contained, why } = event.data;
      const title = contained ? "A canary was contained" : `A canary was not contained: ${why}`;
      return compliance(event, { control: "IR-3", title, passed: contained, about: event.stream });
    }
    case "evidence.taken":
      return entity(event, READ, {
        entity: { uid: event.data.root, type: "Evidence", type_id: 99 },
        comment: event.data.what,
      });
    case "ledger.tampered":
      return alert(event, `An event that waits to be sealed was altered: ${event.data.why}`, event.data.stream);
    case "ledger.fork.detected":
      return alert(event, `A witness has seen another history: ${event.data.why}`, event.data.root);
    default:
      return undefined;
  }
};

/** A ledger event as an OCSF event; undefined for those that no class of OCSF describes. */
export const toOcsf = (event: Sealed, origin: string, ms: Moment["ms"]): OcsfEvent | undefined => {
  const one = ofCredential(event) ?? ofIncident(event) ?? ofReview(event);
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
