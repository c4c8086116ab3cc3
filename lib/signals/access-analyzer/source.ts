import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { identifier } from "../../core/identifier.ts";
import { inertBy, plain } from "../../core/signal.ts";
import { reading, type Signal } from "../../core/types.ts";
import { accountIn, ofArn } from "../shared/aws.ts";
import { firstMoment, Moment } from "../shared/time.ts";
import { INTERNAL, UNUSED } from "./kinds.ts";

const text = z.nullish(z.string());
const count = z.nullish(z.number());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);
const Id = z.nullish(z.string().check(z.regex(/^[\w-]{1,128}$/)));
const Principal = z.union([z.string(), z.array(z.string())]);

/** docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html */
const Event = z.lazy(() =>
  z.object({
    "detail-type": z.string(),
    region: text,
    detail: z
      .object({
        id: Id,
        findingId: Id,
        accountId: z.string().check(z.regex(/^\d{12}$/)),
        region: text,
        resource: z.string().check(z.minLength(1), z.maxLength(2048)),
        resourceType: text,
        findingType: text,
        principal: part(z.record(z.string(), Principal)),
        action: part(z.array(z.string())),
        isPublic: z.nullish(z.boolean()),
        status: text,
        error: z.nullish(z.union([z.string(), z.record(z.string(), z.unknown())])),
        isDeleted: z.nullish(z.boolean()),
        createdAt: text,
        updatedAt: Moment,
        numberOfUnusedServices: count,
        numberOfUnusedActions: count,
      })
      .check(z.refine(({ id, findingId }) => Boolean(id ?? findingId), "has neither id nor findingId")),
  }),
);
type Event = z.infer<typeof Event>;

const typeOf = ({ "detail-type": kind, detail }: Event): string => {
  if (kind === UNUSED)
    return `AccessAnalyzer:Unused/${detail.findingType?.replace(/\W+/g, "").slice(0, 80) || "Access"}`;
  if (kind === INTERNAL) return "AccessAnalyzer:Internal/Access";
  return detail.isPublic ? "AccessAnalyzer:External/Public" : "AccessAnalyzer:External/Account";
};

/**
 * Access Analyzer gives none. It tells what could be read, not that anyone did, and the grant may be meant: below what
 * the shipped playbooks act on.
 */
const severityOf = ({ "detail-type": kind, detail }: Event): number => {
  if (kind === UNUSED) return 15;
  if (kind === INTERNAL) return 30;
  return detail.isPublic ? 65 : 35;
};

const principals = ({ detail }: Event) => Object.values(detail.principal ?? {}).flat();

/** How much of what was granted is unused. */
const unused = ({ detail }: Event): readonly string[] =>
  [
    ["unused-services", detail.numberOfUnusedServices] as const,
    ["unused-actions", detail.numberOfUnusedActions] as const,
  ].flatMap(([name, count]) => (count ? [`${name}=${count}`] : []));

const facts = (event: Event) => {
  const { detail } = event;
  const { error, resource } = detail;
  return factsOf({
    finding: detail.id ?? detail.findingId,
    firstSeenAt: firstMoment(detail.createdAt),
    lastSeenAt: detail.updatedAt,
    region: detail.region ?? event.region,
    resource,
    principalArn: principals(event),
    errorCode: typeof error === "object" && error !== null ? "error" : error,
    credentialType: detail.findingType ?? detail.resourceType,
    secretPath: resource.includes(":secretsmanager:") ? resource : undefined,
    privilegeScope: [...(detail.action ?? []), ...unused(event)],
  });
};

const signal = (event: Event): Signal => {
  const { detail } = event;
  const { resource } = detail;
  const account = accountIn(resource) ?? detail.accountId;
  return {
    id: `access-analyzer:${account}:${detail.id ?? detail.findingId}`,
    source: "access-analyzer",
    type: typeOf(event),
    // Whoever may read the secret reads its replacement too.
    scenario: "compromised",
    severity: severityOf(event),
    activityAt: detail.updatedAt,
    account,
    subjects: resource.startsWith("arn:") ? ofArn(resource) : identifier("name", resource),
    ...inertBy({ archived: detail.isDeleted === true || ["ARCHIVED", "RESOLVED"].includes(detail.status ?? "") }),
    facts: facts(event),
    untrusted: plain(`${detail.resourceType ?? "resource"} ${resource}`),
  };
};

export default reading({
  event: Event,
  normalize: (event) => [signal(event)],
});
