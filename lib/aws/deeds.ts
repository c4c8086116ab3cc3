import { CloudTrailClient, type Event, LookupEventsCommand } from "@aws-sdk/client-cloudtrail";
import * as z from "zod/mini";
import type { Deed } from "../core/ledger/deed.ts";
import type { Aws, Instant } from "../core/types.ts";
import { instantAt, systemClock } from "./clock.ts";

/** Two lookups a second, per account and region, 50 events each (docs.aws.amazon.com: API_LookupEvents). */
const PAUSE_MS = 550;
/** 10,000 events of each name. */
const MOST_PAGES = 200;

/** Secrets Manager's own report of a rotation, a label that moves, and what becomes of an access key. */
const REGIONAL = ["RotationSucceeded", "UpdateSecretVersionStage"];
/** IAM is a global service: its calls are logged there (CloudTrail user guide, global service events). */
const GLOBAL = ["UpdateAccessKey", "DeleteAccessKey"];
const GLOBAL_REGION = "us-east-1";

const text = z.nullish(z.string());
const Params = z.nullish(
  z.object({
    secretId: text,
    versionStage: text,
    moveToVersionId: text,
    accessKeyId: text,
  }),
);
const Record = z.object({
  eventID: z.string(),
  eventName: z.string(),
  eventTime: z.string(),
  errorCode: text,
  userIdentity: z.object({ arn: text, invokedBy: text }),
  requestParameters: Params,
  additionalEventData: Params,
});

/** The services' own clients name fields as in the request; the record has them in lower camel case. */
const lowered = (value: unknown): unknown =>
  value && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key.charAt(0).toLowerCase() + key.slice(1), one]))
    : value;

const parsed = (json: string | undefined): z.infer<typeof Record> | undefined => {
  try {
    const { requestParameters, additionalEventData, ...rest } = JSON.parse(json ?? "") as { [name: string]: unknown };
    const more = { requestParameters: lowered(requestParameters), additionalEventData: lowered(additionalEventData) };
    const found = Record.safeParse({ ...rest, ...more });
    return found.success ? found.data : undefined;
  } catch {
    return undefined;
  }
};

/** What a record says was done; undefined where it was refused, or changed nothing that is told. */
export const deedOf = (json: string | undefined): Deed | undefined => {
  const record = parsed(json);
  if (!record || record.errorCode) return undefined;
  const { secretId, versionStage, moveToVersionId, accessKeyId } = {
    ...record.additionalEventData,
    ...record.requestParameters,
  };
  const moves = record.eventName === "UpdateSecretVersionStage";
  if (moves && (versionStage !== "AWSCURRENT" || !moveToVersionId)) return undefined;
  const { arn, invokedBy } = record.userIdentity;
  return {
    id: record.eventID,
    name: record.eventName,
    at: instantAt(Date.parse(record.eventTime)),
    who: arn ?? invokedBy ?? "unknown",
    ...(secretId && { secret: secretId }),
    ...(moves && moveToVersionId && { version: moveToVersionId }),
    ...(accessKeyId && { accessKey: accessKeyId }),
  };
};

/** What CloudTrail's event history says was done to credentials, of this region and of IAM. */
export const deedsBetween =
  (aws: Aws, signal: AbortSignal) =>
  async (from: Instant, to: Instant): Promise<{ readonly deeds: readonly Deed[]; readonly isWhole: boolean }> => {
    let isWhole = true;
    const lookUp = async (AttributeValue: string, config: object): Promise<readonly Event[]> => {
      const events: Event[] = [];
      let NextToken: string | undefined;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        await systemClock.sleep(PAUSE_MS, signal);
        const LookupAttributes = [{ AttributeKey: "EventName" as const, AttributeValue }];
        const span = { StartTime: new Date(from), EndTime: new Date(to), MaxResults: 50, NextToken };
        const command = new LookupEventsCommand({ LookupAttributes, ...span });
        const out = await aws(CloudTrailClient, config).send(command, { abortSignal: signal });
        events.push(...(out.Events ?? []));
        NextToken = out.NextToken;
        if (!NextToken) return events;
      }
      isWhole = false;
      return events;
    };
    const all: Event[] = [];
    for (const name of REGIONAL) all.push(...(await lookUp(name, {})));
    for (const name of GLOBAL) all.push(...(await lookUp(name, { region: GLOBAL_REGION })));
    return { deeds: all.map((event) => deedOf(event.CloudTrailEvent)).filter((deed) => deed !== undefined), isWhole };
  };
