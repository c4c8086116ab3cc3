import { factsOf } from "../../core/facts.ts";
import { inertBy, plain } from "../../core/signal.ts";
import type { Identifier, Instant, Scenario, Signal } from "../../core/types.ts";
import { isProvokableType } from "../guardduty/inert.ts";
import { OTHERWISE, scenarioOf } from "../guardduty/scenario.ts";
import { guardDutyType } from "../securityhub/finding.ts";
import { actionOf, callerFacts } from "../shared/aws.ts";
import { idOf } from "../shared/bound.ts";
import { containerOf } from "../shared/kubernetes.ts";
import { severityOf } from "../shared/severity.ts";
import { firstMoment } from "../shared/time.ts";
import type { DetectionFinding } from "./schema.ts";
import { callerIn, subjectsOf } from "./subjects.ts";

/** OCSF's severity_id: 1 Informational, 2 Low, 3 Medium, 4 High, 5 Critical, 6 Fatal; 0 and 99 say nothing. */
const LEVELS = ["", "informational", "low", "medium", "high", "critical", "fatal"];

const severityIn = ({ severity_id, severity, vendor_attributes: vendor }: DetectionFinding): number =>
  severityOf(LEVELS[severity_id ?? 0]) ??
  severityOf(severity) ??
  severityOf(LEVELS[vendor?.severity_id ?? 0]) ??
  severityOf(vendor?.severity) ??
  // Unknown is not harmless: as medium.
  50;

/** OCSF's activity_id 3 is Close; status_id 3 Suppressed, 4 Resolved, 5 Archived, 6 Deleted. */
const isClosed = ({ activity_id, status_id }: DetectionFinding) =>
  activity_id === 3 || [3, 4, 5, 6].includes(status_id ?? 0);

const scenario = (type: string, subjects: readonly Identifier[]): Scenario => {
  if (/:[A-Za-z0-9]+\//.test(type)) return scenarioOf(type);
  return subjects.some((name) => /^(?:aws-key|role-session|assumed-role|iam-user):/.test(name))
    ? "exfiltrated"
    : OTHERWISE;
};

/** When it was seen last; undefined where the finding gives no time at all. */
export const seenAt = ({ finding_info: info, ...finding }: DetectionFinding): Instant | undefined =>
  firstMoment(
    info.last_seen_time_dt,
    info.last_seen_time,
    finding.time_dt,
    finding.time,
    info.modified_time_dt,
    info.modified_time,
    info.created_time_dt,
    info.created_time,
  );

const facts = (finding: DetectionFinding, subjects: readonly Identifier[]) => {
  const { finding_info: info, metadata, evidences } = finding;
  const all = evidences ?? [];
  const ends = all.flatMap(({ src_endpoint, dst_endpoint }) => [src_endpoint, dst_endpoint]);
  const process = all.map((one) => one.process ?? one.actor?.process).find((one) => one);
  const container = all.map((one) => one.container).find((one) => one) ?? process?.container;
  const caller = callerIn(finding);
  const api = all.map((one) => one.api).find((one) => one);
  const action = actionOf(api?.service?.name, api?.operation);
  const secret = subjects.find((name) => name.startsWith("secret:"))?.slice("secret:".length);
  return factsOf({
    finding: info.uid,
    updates: finding.count,
    firstSeenAt: firstMoment(info.first_seen_time_dt, info.first_seen_time),
    lastSeenAt: firstMoment(info.last_seen_time_dt, info.last_seen_time),
    region: finding.cloud?.region ?? finding.resources?.[0]?.region,
    product: (metadata?.product?.name ?? metadata?.product?.uid)?.replaceAll(" ", "-"),
    resource: finding.resources?.map(({ uid }) => uid),
    ...(caller && callerFacts(caller)),
    ip: ends.map((end) => end?.ip),
    asn: ends.map((end) => end?.autonomous_system?.number),
    process: process?.file?.path ?? process?.name,
    containerId: containerOf(container?.uid),
    podUid: container?.pod_uuid,
    image: container?.image?.name,
    action,
    secretPath: secret,
    privilegeScope: [action, caller?.issuerArn],
  });
};

/** One signal of an OCSF detection finding; `at` is when it was seen last. */
export const ofDetection = (source: string, account: string, finding: DetectionFinding, at: Instant): Signal => {
  const { finding_info: info } = finding;
  const named = info.types?.[0] ?? finding.metadata?.event_code ?? info.title ?? "unnamed";
  const subjects = subjectsOf(finding, account);
  return {
    id: idOf(source, account, undefined, info.uid),
    source,
    type: named.replace(/[^\w:./!&+-]+/g, "-").slice(0, 200) || "unnamed",
    scenario: scenario(guardDutyType(named.replace(/:([A-Za-z0-9]+)\//, ":$1-")), subjects),
    severity: severityIn(finding),
    activityAt: at,
    account,
    subjects,
    ...inertBy({
      sample: /^\[sample\]/i.test(info.title ?? ""),
      archived: isClosed(finding),
      provokable: isProvokableType(named) || isProvokableType(guardDutyType(named)),
    }),
    facts: facts(finding, subjects),
    untrusted: plain([info.title, info.desc ?? finding.message].filter(Boolean).join(": ")),
  };
};
