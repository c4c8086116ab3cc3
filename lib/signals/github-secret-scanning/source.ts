import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { inertBy, plain } from "../../core/signal.ts";
import { type Channel, type Identifier, reading, type Signal } from "../../core/types.ts";
import { accountBy, idOf, typeOf } from "../shared/bound.ts";
import { ofLeaked, ofRepository } from "../shared/leaked.ts";
import { firstMoment, Moment } from "../shared/time.ts";

const text = z.nullish(z.string());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

/** docs.github.com/en/webhooks/webhook-events-and-payloads: secret_scanning_alert and secret_scanning_alert_location. */
const Event = z.lazy(() =>
  z.object({
    action: z.string().check(z.regex(/^[a-z_]{1,64}$/)),
    alert: z.object({
      number: z.int(),
      created_at: Moment,
      updated_at: text,
      url: text,
      html_url: text,
      state: text,
      resolution: text,
      resolved_at: text,
      secret_type: z.string().check(z.minLength(1)),
      secret_type_display_name: text,
      provider_slug: text,
      // Only the REST API gives it. It ends here, as a key's id or a digest.
      secret: text,
      validity: text,
      publicly_leaked: z.nullish(z.boolean()),
      multi_repo: z.nullish(z.boolean()),
    }),
    location: part(z.object({ type: text, details: part(z.object({ path: text, commit_sha: text })) })),
    repository: z.object({ full_name: z.string().check(z.regex(/^[\w.-]{1,100}\/[\w.-]{1,100}$/)), html_url: text }),
  }),
);
type Event = z.infer<typeof Event>;

/** Who looks after an alert is no anomaly. */
const NOTHING_NEW = /^(?:un)?assigned$|^metadata_/;

const severityOf = ({ alert, action }: Event): number => {
  if (alert.validity === "inactive") return 20;
  if (alert.publicly_leaked || action === "publicly_leaked") return 90;
  return alert.validity === "active" ? 80 : 60;
};

const facts = (
  { alert, repository, action, location }: Event,
  channel: Channel | undefined,
  leaked: readonly Identifier[],
) => {
  const path = location?.details?.path;
  const key = leaked.find((name) => name.startsWith("aws-key:"))?.slice("aws-key:".length);
  return factsOf({
    finding: alert.url ?? `${repository.full_name}#${alert.number}`,
    channel: channel?.name,
    firstSeenAt: alert.created_at,
    lastSeenAt: firstMoment(alert.updated_at),
    location: [`${repository.full_name}#${alert.number}`, location?.details?.commit_sha],
    validity: alert.validity,
    product: alert.provider_slug,
    accessKeyId: key,
    credentialType: alert.secret_type,
    change: action,
    secretDigest: leaked.find((name) => name.startsWith("leak:"))?.slice("leak:".length),
    tokenSource: "source-code-repository",
    secretPath: path ? `${repository.full_name}/${path}` : undefined,
    indicators: [alert.publicly_leaked ? "publicly-leaked" : undefined, alert.multi_repo ? "multi-repo" : undefined],
  });
};

const signal = (event: Event, channel: Channel | undefined): Signal => {
  const { alert, repository, action, location } = event;
  const account = accountBy(channel);
  const home = repository.html_url ?? alert.html_url ?? alert.url;
  const leaked = ofLeaked(alert.secret);
  const path = location?.details?.path;
  return {
    id: idOf("github-secret-scanning", account, undefined, repository.full_name, alert.number),
    source: "github-secret-scanning",
    type: typeOf("github", alert.secret_type),
    scenario: "exfiltrated",
    severity: severityOf(event),
    activityAt: action === "created" ? alert.created_at : (firstMoment(alert.updated_at) ?? alert.created_at),
    account,
    subjects: [...leaked, ...ofRepository(home, repository.full_name)],
    ...inertBy({
      archived: action === "resolved" || alert.state === "resolved" || Boolean(alert.resolution ?? alert.resolved_at),
    }),
    facts: {
      ...facts(event, channel, leaked),
      ...(!event.location && { unresolved: { secretPath: "the alert does not tell it: its locations do" } }),
    },
    untrusted: plain(`${alert.secret_type_display_name ?? alert.secret_type} in ${repository.full_name} ${path ?? ""}`),
  };
};

export default reading({
  event: Event,
  normalize: (event, channel) => (NOTHING_NEW.test(event.action) ? [] : [signal(event, channel)]),
});
