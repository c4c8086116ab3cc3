import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { identifier } from "../../core/identifier.ts";
import { inertBy, plain } from "../../core/signal.ts";
import { type Channel, reading, type Signal } from "../../core/types.ts";
import { accountBy, idOf, typeOf } from "../shared/bound.ts";
import { ofRepository } from "../shared/leaked.ts";
import { severityOf } from "../shared/severity.ts";
import { Moment } from "../shared/time.ts";

const text = z.nullish(z.string());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

const Occurrence = () =>
  z.object({
    url: text,
    filepath: text,
    sha: text,
    source: part(z.object({ url: text, full_name: text })),
  });

/** docs.gitguardian.com/platform/configure-alerting/notifiers-integrations/custom-webhook */
const Event = z.lazy(() =>
  z.object({
    action: text,
    incident: z.object({
      id: z.union([z.int(), z.string().check(z.regex(/^[\w-]{1,64}$/))]),
      date: Moment,
      detector: z.object({ name: z.string().check(z.minLength(1)), display_name: text, family: text }),
      secret_hash: text,
      hmsl_hash: text,
      gitguardian_url: text,
      regression: z.nullish(z.boolean()),
      status: text,
      occurrence_count: z.nullish(z.number()),
      occurrences: part(z.array(Occurrence())),
      secret_revoked: z.nullish(z.boolean()),
      severity: text,
      validity: text,
    }),
  }),
);
type Event = z.infer<typeof Event>;
type Incident = Event["incident"];

/** By GitGuardian's own word, unless the secret is known to be dead; without a word, by whether it works. */
const severityIn = ({ severity, validity, secret_revoked }: Incident): number => {
  const valid = validity?.toLowerCase();
  if (valid === "invalid" || secret_revoked) return 20;
  return severityOf(severity) ?? (valid === "valid" ? 85 : 60);
};

const isClosed = ({ action, incident }: Event) =>
  /resolved|ignored/.test(action ?? "") || /^(?:RESOLVED|IGNORED)$/i.test(incident.status ?? "");

const signal = (event: Event, channel: Channel | undefined): Signal => {
  const { incident, action } = event;
  const account = accountBy(channel);
  const occurrences = incident.occurrences ?? [];
  const [first] = occurrences;
  const place = first?.source?.full_name ?? first?.source?.url;
  const digests = [
    ...identifier("leak", "hmsl", incident.hmsl_hash?.toLowerCase()),
    ...identifier("leak", "gitguardian", incident.secret_hash?.toLowerCase()),
  ];
  return {
    id: idOf("gitguardian", account, String(incident.id)),
    source: "gitguardian",
    type: typeOf("gitguardian", incident.detector.name),
    scenario: "exfiltrated",
    severity: severityIn(incident),
    activityAt: incident.date,
    account,
    subjects: [
      ...new Set([...digests, ...occurrences.flatMap(({ source }) => ofRepository(source?.url, source?.full_name))]),
    ],
    ...inertBy({ archived: isClosed(event) }),
    facts: factsOf({
      finding: incident.gitguardian_url ?? String(incident.id),
      channel: channel?.name,
      updates: incident.occurrence_count,
      firstSeenAt: incident.date,
      location: occurrences.map(({ source, url }) => source?.full_name ?? url),
      validity: incident.validity,
      secretDigest: [incident.hmsl_hash, incident.secret_hash],
      credentialType: incident.detector.name.replaceAll(" ", "-"),
      change: action,
      tokenSource: "source-code-repository",
      secretPath: place && first?.filepath ? `${place}/${first.filepath.replace(/^\//, "")}` : undefined,
      indicators: [incident.regression ? "regression" : undefined],
    }),
    untrusted: plain(
      [incident.detector.display_name ?? incident.detector.name, place, first?.filepath].filter(Boolean).join(" "),
    ),
  };
};

export default reading({
  event: Event,
  normalize: (event, channel) => [signal(event, channel)],
});
