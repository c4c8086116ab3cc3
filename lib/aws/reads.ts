import { setTimeout as sleep } from "node:timers/promises";
import { CloudTrailClient, type Event, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import * as z from "zod/mini";
import type { Read } from "../core/adoption.ts";
import type { Aws, Credential, Instant, VersionId } from "../core/types.ts";
import { instantAt } from "./clock.ts";

/** Two lookups a second, per account and region, 50 events each (docs.aws.amazon.com: API_LookupEvents). */
const PAUSE_MS = 550;
const MOST_PAGES = 20;

/** The part of a CloudTrail record that tells who read what. */
const Record = z.object({
  userIdentity: z.object({ arn: z.optional(z.string()), principalId: z.optional(z.string()) }),
  requestParameters: z.nullish(
    z.object({
      secretId: z.optional(z.string()),
      versionId: z.optional(z.string()),
      versionStage: z.optional(z.string()),
    }),
  ),
  errorCode: z.optional(z.string()),
});

/** The services' own clients name fields as in the request; the record has them in lower camel case. */
const lowered = (value: unknown): unknown =>
  value && typeof value === "object"
    ? Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key.charAt(0).toLowerCase() + key.slice(1), inner]),
      )
    : value;

type Labels = { readonly previous?: VersionId };

const parse = (text: string | undefined): z.infer<typeof Record> | undefined => {
  try {
    const { requestParameters, ...rest } = JSON.parse(text ?? "") as { requestParameters?: unknown };
    const parsed = Record.safeParse({ ...rest, requestParameters: lowered(requestParameters) });
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
};

const asRead = (
  credential: Credential,
  { previous }: Labels,
  at: Instant,
  text: string | undefined,
): readonly Read[] => {
  const record = parse(text);
  const { secretId, versionId, versionStage } = record?.requestParameters ?? {};
  if (!record || record.errorCode || (secretId !== credential.id && secretId !== credential.name)) return [];
  const who = record.userIdentity.arn ?? record.userIdentity.principalId ?? "unknown";
  const version = versionId ?? (versionStage === "AWSPREVIOUS" ? previous : undefined);
  return [{ who, at, ...(version && { version: version as VersionId }) }];
};

type Span = { readonly StartTime: Date; readonly EndTime?: Date };

/** Up to that many pages of readings of any secret; undefined as the last token says that there are no more. */
const lookUp = async (aws: Aws, span: Span, most = MOST_PAGES) => {
  const LookupAttributes = [{ AttributeKey: "EventName" as const, AttributeValue: "GetSecretValue" }];
  const events: Event[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < most; page++) {
    if (page > 0) await sleep(PAUSE_MS);
    const asked = new LookupEventsCommand({ LookupAttributes, ...span, MaxResults: 50, NextToken });
    const out = await aws(CloudTrailClient).send(asked);
    events.push(...(out.Events ?? []));
    NextToken = out.NextToken;
    if (!NextToken) break;
  }
  return { events, isWhole: NextToken === undefined };
};

/**
 * Who read the secret's value since `since`, newest first, by CloudTrail's event history; `ours` are functions of
 * Rekey's, whose roles are left out. `isWhole` is false when there were more pages than are read.
 */
export const readsSince = async (
  aws: Aws,
  credential: Credential,
  { since, labels, ours }: { readonly since: Instant; readonly labels: Labels; readonly ours: readonly string[] },
): Promise<{ readonly reads: readonly Read[]; readonly isWhole: boolean }> => {
  const { events, isWhole } = await lookUp(aws, { StartTime: new Date(since) });
  const reads = events.flatMap(({ EventTime, CloudTrailEvent }) =>
    EventTime ? asRead(credential, labels, instantAt(EventTime.getTime()), CloudTrailEvent) : [],
  );
  const isOurs = ({ who }: Read) => ours.some((name) => who.includes(`:assumed-role/${name}-`));
  return { reads: reads.filter((read) => !isOurs(read)), isWhole };
};

/** 10,000 events, which take under two minutes. */
const MOST_PAGES_OF_ALL = 200;

/**
 * Who read which secret's value between two instants, by CloudTrail's event history; `secret` is as the call named it.
 * Refused calls are left out. `isWhole` is false when there were more than 10,000.
 */
export const readsBetween = async (
  aws: Aws,
  from: Instant,
  to: Instant,
): Promise<{
  readonly reads: readonly { readonly who: string; readonly secret: string; readonly at: Instant }[];
  readonly isWhole: boolean;
}> => {
  const span = { StartTime: new Date(from), EndTime: new Date(to) };
  const { events, isWhole } = await lookUp(aws, span, MOST_PAGES_OF_ALL);
  const reads = events.flatMap(({ EventTime, CloudTrailEvent }) => {
    const record = parse(CloudTrailEvent);
    const { arn } = record?.userIdentity ?? {};
    const secret = record?.requestParameters?.secretId;
    const isRead = EventTime && arn && secret && !record?.errorCode;
    return isRead ? [{ who: arn, secret, at: instantAt(EventTime.getTime()) }] : [];
  });
  return { reads, isWhole };
};
