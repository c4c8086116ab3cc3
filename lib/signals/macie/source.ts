import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { identifier } from "../../core/identifier.ts";
import { inertBy, plain } from "../../core/signal.ts";
import { reading, type Signal } from "../../core/types.ts";
import { severityOf } from "../shared/severity.ts";
import { firstMoment, Moment } from "../shared/time.ts";

const text = z.nullish(z.string());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

const Found = () => z.object({ category: text, detections: part(z.array(z.object({ type: text }))) });

/** docs.aws.amazon.com/macie/latest/user/findings-publish-event-schemas.html */
const Finding = () =>
  z.object({
    id: z.string().check(z.regex(/^[\w-]{1,128}$/)),
    accountId: z.string().check(z.regex(/^\d{12}$/)),
    region: text,
    type: z.string().check(z.regex(/^SensitiveData:S3Object\/[A-Za-z]{1,60}$/)),
    title: text,
    description: text,
    severity: z.object({ score: z.nullish(z.number()), description: text }),
    createdAt: text,
    updatedAt: Moment,
    count: z.nullish(z.number()),
    archived: z.nullish(z.boolean()),
    sample: z.nullish(z.boolean()),
    resourcesAffected: part(
      z.object({
        s3Bucket: part(z.object({ arn: text, name: text })),
        s3Object: part(z.object({ key: text, path: text })),
      }),
    ),
    classificationDetails: part(z.object({ result: part(z.object({ sensitiveData: part(z.array(Found())) })) })),
  });
type Finding = z.infer<ReturnType<typeof Finding>>;

const credentialsIn = ({ classificationDetails: details }: Finding) =>
  (details?.result?.sensitiveData ?? []).filter(({ category }) => category === "CREDENTIALS");

const Event = z.lazy(() =>
  z.object({
    detail: Finding().check(
      z.refine(
        (finding) => finding.type.endsWith("/Credentials") || credentialsIn(finding).length > 0,
        "is a finding of no credentials",
      ),
    ),
  }),
);

/** 1 Low, 2 Medium, 3 High (Macie API reference, Severity). */
const SCORES = ["", "low", "medium", "high"];

const signal = (detail: Finding): Signal => {
  const { s3Bucket: bucket, s3Object: object } = detail.resourcesAffected ?? {};
  const path = object?.path ?? (bucket?.name && object?.key ? `${bucket.name}/${object.key}` : undefined);
  return {
    id: `macie:${detail.accountId}:${detail.id}`,
    source: "macie",
    type: detail.type,
    scenario: "exfiltrated",
    severity: severityOf(detail.severity.description) ?? severityOf(SCORES[detail.severity.score ?? 0]) ?? 50,
    activityAt: detail.updatedAt,
    account: detail.accountId,
    // Which key it is stands in the object only: the finding names the place.
    subjects: identifier("bucket", bucket?.name ?? path?.split("/")[0]),
    ...inertBy({ sample: detail.sample === true, archived: detail.archived === true }),
    facts: factsOf({
      finding: detail.id,
      updates: detail.count,
      firstSeenAt: firstMoment(detail.createdAt),
      lastSeenAt: detail.updatedAt,
      region: detail.region,
      bucket: bucket?.name,
      location: path,
      secretPath: path && `s3://${path}`,
      tokenSource: "s3-object",
      credentialType: credentialsIn(detail).flatMap(({ detections }) => (detections ?? []).map(({ type }) => type)),
    }),
    untrusted: plain([detail.title, detail.description, path].filter(Boolean).join(": ")),
  };
};

export default reading({
  event: Event,
  normalize: ({ detail }) => [signal(detail)],
});
