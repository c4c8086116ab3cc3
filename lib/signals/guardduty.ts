import * as z from "zod/mini";
import { identifier } from "../core/identifier.ts";
import { inertBy, plain } from "../core/signal.ts";
import { defineSource, type Identifier } from "../core/types.ts";
import { isProvokable, isSample } from "./guardduty/inert.ts";
import { scenarioOf } from "./guardduty/scenario.ts";
import { instantOf, Time } from "./shared/time.ts";

const text = z.nullish(z.string());

const Resource = z.object({
  accessKeyDetails: z.nullish(z.object({ accessKeyId: text, principalId: text, userName: text, userType: text })),
  instanceDetails: z.nullish(z.object({ instanceId: text })),
  rdsDbInstanceDetails: z.nullish(z.object({ dbInstanceIdentifier: text, dbClusterIdentifier: text })),
  rdsDbUserDetails: z.nullish(z.object({ user: text })),
});

/** The API reference writes `LoginAttributes` where every other name begins in lower case: either is taken. */
const LoginAttributes = z.nullish(z.array(z.object({ user: text })));
const Action = z.object({
  actionType: text,
  networkConnectionAction: z.nullish(z.object({ connectionDirection: text })),
  rdsLoginAttemptAction: z.nullish(z.object({ LoginAttributes: LoginAttributes, loginAttributes: LoginAttributes })),
});

/** https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Finding.html, as EventBridge delivers it. */
export const Finding = z.object({
  accountId: z.string().check(z.regex(/^\d{12}$/)),
  id: z.string().check(z.regex(/^[\w-]{1,128}$/)),
  type: z.string().check(z.regex(/^[\w:./!&+-]{1,200}$/)),
  severity: z.number().check(z.minimum(0), z.maximum(100)),
  title: text,
  description: text,
  updatedAt: Time,
  resource: Resource,
  service: z.object({
    archived: z.nullish(z.boolean()),
    eventLastSeen: z.nullish(Time),
    action: z.nullish(Action),
    additionalInfo: z.nullish(z.object({ sample: z.nullish(z.boolean()), value: text })),
  }),
});
export type Finding = z.infer<typeof Finding>;

/** `principalId` of a role session is `AROA…:session`; `userName` is then the role's name. */
const ofKey = ({ accountId, resource: { accessKeyDetails: key } }: Finding): readonly Identifier[] => {
  if (key?.userType === "IAMUser") {
    return [...identifier("aws-key", key.accessKeyId), ...identifier("iam-user", accountId, key.userName)];
  }
  if (key?.userType !== "AssumedRole") return [];
  return [...identifier("role-session", key.principalId), ...identifier("iam-role", accountId, key.userName)];
};

const logins = ({ resource, service }: Finding): readonly (string | null | undefined)[] => {
  const named = resource.rdsDbUserDetails?.user;
  if (named) return [named];
  const attempt = service.action?.rdsLoginAttemptAction;
  return (attempt?.LoginAttributes ?? attempt?.loginAttributes ?? []).map(({ user }) => user);
};

const ofLogin = (finding: Finding): readonly Identifier[] => {
  const at = finding.resource.rdsDbInstanceDetails;
  return logins(finding).flatMap((login) => [
    ...identifier("rds", at?.dbInstanceIdentifier, login),
    ...identifier("rds", at?.dbClusterIdentifier, login),
  ]);
};

const subjects = (finding: Finding): readonly Identifier[] => [
  ...new Set([
    ...ofLogin(finding),
    ...ofKey(finding),
    ...identifier("instance", finding.resource.instanceDetails?.instanceId),
  ]),
];

export default defineSource({
  name: "guardduty",
  title: "Amazon GuardDuty: IAM user keys, role sessions used from elsewhere, RDS logins",
  pattern: { source: ["aws.guardduty"], "detail-type": ["GuardDuty Finding"] },
  event: z.object({ detail: Finding }),
  // The envelope's account may be that of the delegated administrator: the finding's own is the workload's.
  normalize: ({ detail }) => [
    {
      id: `guardduty:${detail.accountId}:${detail.id}`,
      source: "guardduty",
      type: detail.type,
      scenario: scenarioOf(detail.type),
      // GuardDuty counts to 10.
      severity: Math.min(100, Math.round(detail.severity * 10)),
      activityAt: instantOf(detail.service.eventLastSeen ?? detail.updatedAt),
      account: detail.accountId,
      subjects: subjects(detail),
      ...inertBy({
        sample: isSample(detail),
        archived: detail.service.archived === true,
        provokable: isProvokable(detail),
      }),
      untrusted: plain([detail.title, detail.description].filter(Boolean).join(": ")),
    },
  ],
});
