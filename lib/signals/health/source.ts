import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { identifier } from "../../core/identifier.ts";
import { inertBy, plain } from "../../core/signal.ts";
import { reading, type Signal } from "../../core/types.ts";
import { idOf } from "../shared/bound.ts";
import { firstMoment, Moment } from "../shared/time.ts";

const text = z.nullish(z.string());
const account = z.string().check(z.regex(/^\d{12}$/));
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

/** docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html; `eventMetadata` is the older form. */
const Event = z.lazy(() =>
  z.object({
    account,
    detail: z.object({
      eventArn: z.string().check(z.minLength(1), z.maxLength(1600)),
      eventTypeCode: z.string().check(z.regex(/^AWS_RISK_CREDENTIALS_[A-Z_]{1,60}$/)),
      statusCode: text,
      startTime: Moment,
      lastUpdatedTime: text,
      eventRegion: text,
      eventDescription: part(z.array(z.object({ latestDescription: text }))),
      affectedEntities: part(z.array(z.object({ entityValue: text, status: text }))),
      affectedAccount: z.nullish(account),
      eventMetadata: part(z.object({ publicKey: text, userName: text, accountId: text, exposedUrl: text })),
    }),
  }),
);
type Event = z.infer<typeof Event>;

/** Key ids of one event, each once; undefined where it names a user only. */
const keysIn = ({ detail }: Event): readonly (string | undefined)[] => {
  const values = [
    ...(detail.affectedEntities ?? []).map(({ entityValue }) => entityValue),
    detail.eventMetadata?.publicKey,
  ];
  const keys = [...new Set(values.filter((value) => identifier("aws-key", value).length > 0))] as string[];
  return keys.length > 0 ? keys : [undefined];
};

const usersIn = ({ detail }: Event, key: string | undefined): readonly string[] => {
  const { publicKey, userName } = detail.eventMetadata ?? {};
  if (userName && (!publicKey || !key || publicKey === key)) return [userName];
  if (key) return [];
  return (detail.affectedEntities ?? []).flatMap(({ entityValue }) => (entityValue ? [entityValue] : []));
};

const signal = (event: Event, key: string | undefined): Signal => {
  const { detail } = event;
  const owner = detail.affectedAccount ?? /^\d{12}$/.exec(detail.eventMetadata?.accountId ?? "")?.[0] ?? event.account;
  const users = usersIn(event, key);
  const url = detail.eventMetadata?.exposedUrl;
  return {
    id: idOf("health", owner, undefined, detail.eventArn, key),
    source: "health",
    type: detail.eventTypeCode,
    scenario: "exfiltrated",
    // AWS found the key where anyone can read it.
    severity: 90,
    activityAt: detail.startTime,
    account: owner,
    subjects: [...identifier("aws-key", key), ...users.flatMap((user) => identifier("iam-user", owner, user))],
    ...inertBy({ archived: detail.statusCode === "closed" }),
    facts: factsOf({
      finding: detail.eventArn,
      firstSeenAt: detail.startTime,
      lastSeenAt: firstMoment(detail.lastUpdatedTime),
      region: detail.eventRegion,
      accessKeyId: key,
      userName: users[0],
      location: url,
      secretPath: url,
      tokenSource: key?.startsWith("AKIA") ? "iam-user-access-key" : undefined,
    }),
    untrusted: plain(
      [url, ...(detail.eventDescription ?? []).map((one) => one.latestDescription)].filter(Boolean).join(" "),
    ),
  };
};

export default reading({
  event: Event,
  normalize: (event) => keysIn(event).map((key) => signal(event, key)),
});
