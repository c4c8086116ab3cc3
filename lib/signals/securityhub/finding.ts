import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { inertBy, plain } from "../../core/signal.ts";
import type { Identifier, Scenario, Signal } from "../../core/types.ts";
import { isProvokableType } from "../guardduty/inert.ts";
import { OTHERWISE, scenarioOf } from "../guardduty/scenario.ts";
import { callerFacts } from "../shared/aws.ts";
import { idOf } from "../shared/bound.ts";
import { digestIn } from "../shared/kubernetes.ts";
import { within } from "../shared/severity.ts";
import { firstMoment, Moment } from "../shared/time.ts";
import { callerIn, ofResource, Resource } from "./resources.ts";

const text = z.nullish(z.string());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

/** Of a label without a number: Security Hub's own lower bounds (API reference, Severity). */
const LABELS: Readonly<Record<string, number>> = { INFORMATIONAL: 0, LOW: 1, MEDIUM: 40, HIGH: 70, CRITICAL: 90 };

const Severity = () =>
  z
    .object({ Label: text, Normalized: z.nullish(z.number()), Product: z.nullish(z.number()) })
    .check(
      z.refine(
        ({ Label, Normalized }) => typeof Normalized === "number" || Object.hasOwn(LABELS, Label ?? ""),
        "has neither Normalized nor a known Label",
      ),
    );

/** docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html */
export const Asff = () =>
  z.object({
    Id: z.string().check(z.minLength(1), z.maxLength(512)),
    AwsAccountId: z.string().check(z.regex(/^\d{12}$/)),
    Region: text,
    ProductName: text,
    ProductArn: text,
    Types: part(z.array(z.string())),
    UpdatedAt: Moment,
    FirstObservedAt: text,
    LastObservedAt: text,
    /** 0 to 100 (API reference, AwsSecurityFinding). */
    Confidence: part(z.number().check(z.minimum(0), z.maximum(100))),
    Severity: Severity(),
    Title: text,
    Description: text,
    Sample: z.nullish(z.boolean()),
    ProductFields: part(z.record(z.string(), z.unknown())),
    Resources: z.array(Resource()),
    Compliance: part(z.object({ Status: text })),
    Workflow: part(z.object({ Status: text })),
    RecordState: text,
    Network: part(z.object({ SourceIpV4: text, SourceIpV6: text, Direction: text })),
  });
export type Asff = z.infer<ReturnType<typeof Asff>>;

/** `TTPs/UnauthorizedAccess:IAMUser-TorIPCaller` → `UnauthorizedAccess:IAMUser/TorIPCaller`, as GuardDuty calls it. */
export const guardDutyType = (type: string): string =>
  (type.split("/").at(-1) ?? "").replace(/^([A-Za-z]+:[A-Za-z0-9]+)-/, "$1/");

const scenario = (type: string, subjects: readonly Identifier[]): Scenario => {
  if (/:[A-Za-z0-9]+\//.test(type)) return scenarioOf(type);
  return subjects.some((name) => /^(?:aws-key|role-session|iam-user):/.test(name)) ? "exfiltrated" : OTHERWISE;
};

const field = ({ ProductFields }: Asff, ...ends: readonly string[]): readonly string[] =>
  Object.entries(ProductFields ?? {}).flatMap(([key, value]) =>
    ends.some((end) => key === end || key.endsWith(`/${end}`)) ? [String(value)] : [],
  );

const isClosed = (finding: Asff) =>
  finding.RecordState === "ARCHIVED" ||
  ["SUPPRESSED", "RESOLVED"].includes(finding.Workflow?.Status ?? "") ||
  field(finding, "aws/guardduty/service/archived").includes("true");

const isProvokable = (finding: Asff, type: string) =>
  isProvokableType(type) ||
  field(finding, "networkConnectionAction/connectionDirection").includes("INBOUND") ||
  field(finding, "action/actionType").includes("PORT_PROBE");

const facts = (finding: Asff, subjects: readonly Identifier[]) => {
  const caller = finding.Resources.map(callerIn).find((one) => one !== undefined);
  const container = finding.Resources.map(({ Details }) => Details?.Container).find((one) => one);
  const [count] = field(finding, "aws/guardduty/service/count", "count");
  const [api] = field(finding, "awsApiCallAction/api");
  const [service] = field(finding, "awsApiCallAction/serviceName");
  const action = api && `${service?.replace(/\.amazonaws\.com$/, "") ?? "unknown"}:${api}`;
  const secret = subjects.find((name) => name.startsWith("secret:"))?.slice("secret:".length);
  return factsOf({
    finding: finding.Id,
    product: (finding.ProductName ?? finding.ProductArn)?.replaceAll(" ", "-"),
    confidence: finding.Confidence,
    updates: count === undefined ? undefined : Number(count),
    firstSeenAt: firstMoment(finding.FirstObservedAt),
    lastSeenAt: firstMoment(finding.LastObservedAt),
    region: finding.Region,
    resource: finding.Resources.map(({ Id }) => Id),
    ...(caller && callerFacts(caller)),
    image: container?.ImageName,
    imageDigest: digestIn(container?.ImageId),
    ip: [
      ...field(finding, "remoteIpDetails/ipAddressV4", "remoteIpDetails/ipAddressV6"),
      finding.Network?.SourceIpV4,
      finding.Network?.SourceIpV6,
    ],
    asn: field(finding, "organization/asn"),
    action,
    secretPath: secret,
    privilegeScope: [action],
  });
};

/** One signal of one ASFF finding; none of a control's result, which tells of a setting and of no activity. */
export const ofAsff = (finding: Asff): readonly Signal[] => {
  if (finding.Compliance) return [];
  const { AwsAccountId: account, Severity: severity } = finding;
  const named = finding.Types?.[0] ?? finding.Title ?? "unnamed";
  const type = guardDutyType(named);
  const subjects = [...new Set(finding.Resources.flatMap((resource) => ofResource(resource, account)))];
  return [
    {
      id: idOf("securityhub", account, undefined, finding.Id),
      source: "securityhub",
      type: named.replace(/[^\w:./!&+-]+/g, "-").slice(0, 200) || "unnamed",
      scenario: scenario(type, subjects),
      severity: within(severity.Normalized ?? LABELS[severity.Label ?? ""] ?? 0),
      activityAt: firstMoment(finding.LastObservedAt) ?? finding.UpdatedAt,
      account,
      subjects,
      ...inertBy({
        sample: finding.Sample === true || field(finding, "additionalInfo/sample").includes("true"),
        archived: isClosed(finding),
        provokable: isProvokable(finding, type),
      }),
      facts: facts(finding, subjects),
      untrusted: plain([finding.Title, finding.Description].filter(Boolean).join(": ")),
    },
  ];
};
