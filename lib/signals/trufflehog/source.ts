import * as z from "zod/mini";
import { factsOf } from "../../core/facts.ts";
import { plain } from "../../core/signal.ts";
import { type Channel, type Instant, reading, type Signal } from "../../core/types.ts";
import { ofArn } from "../shared/aws.ts";
import { accountBy, digestOf, idOf, typeOf } from "../shared/bound.ts";
import { ofLeaked, ofRepository } from "../shared/leaked.ts";
import { momentOf } from "../shared/time.ts";

const text = z.nullish(z.string());
const part = <S extends z.ZodMiniType>(schema: S) => z.catch(z.nullish(schema), null);

const Place = () => z.object({ repository: text, commit: text, file: text, link: text, timestamp: text, bucket: text });

/** github.com/trufflesecurity/trufflehog, its output with --json: one object a line. */
const Event = z.lazy(() =>
  z
    .object({
      DetectorName: z.string().check(z.minLength(1)),
      Verified: z.boolean(),
      // The secret itself. It ends here, as a key's id or a digest.
      Raw: text,
      RawV2: text,
      ExtraData: part(z.object({ account: text, arn: text })),
      SourceMetadata: z.object({
        Timestamp: text,
        Data: z.record(z.string(), z.nullish(Place())),
      }),
    })
    .check(z.refine((event) => timeOf(event) !== undefined, "tells no time in SourceMetadata.Data"))
    .check(z.refine(({ Raw, RawV2 }) => Boolean(Raw || RawV2), "has neither Raw nor RawV2")),
);
type Place = z.infer<ReturnType<typeof Place>>;
type Event = z.infer<typeof Event>;
type Metadata = {
  readonly SourceMetadata: { readonly Data: Readonly<Record<string, Place | null | undefined>> };
};

const placeOf = ({ SourceMetadata }: Metadata): Place | undefined =>
  Object.values(SourceMetadata.Data).find((one) => one) ?? undefined;

/** Git's own form, `2026-11-20 09:14:00 +0000`, or ISO 8601. */
const timeOf = (event: Metadata): Instant | undefined => {
  const given = placeOf(event)?.timestamp;
  return momentOf(given?.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) ([+-]\d{4}|Z)(?: \w+)?$/, "$1T$2$3"));
};

const signal = (event: Event, channel: Channel | undefined): Signal => {
  const place = placeOf(event);
  const account = accountBy(channel);
  const leaked = ofLeaked(event.Raw || event.RawV2);
  const activityAt = timeOf(event) as Instant;
  const key = leaked.find((name) => name.startsWith("aws-key:"));
  const where = [place?.repository ?? place?.bucket, place?.file].filter(Boolean).join("/");
  return {
    id: idOf(
      "trufflehog",
      account,
      undefined,
      event.DetectorName,
      digestOf(event.Raw || event.RawV2 || ""),
      where,
      place?.commit,
    ),
    source: "trufflehog",
    type: typeOf("trufflehog", event.DetectorName),
    scenario: "exfiltrated",
    // Verified: TruffleHog logged in with it.
    severity: event.Verified ? 85 : 50,
    activityAt,
    account,
    subjects: [...new Set([...leaked, ...ofArn(event.ExtraData?.arn), ...ofRepository(place?.repository)])],
    facts: factsOf({
      channel: channel?.name,
      firstSeenAt: activityAt,
      location: [place?.link ?? place?.repository ?? place?.bucket, place?.commit],
      validity: event.Verified ? "verified" : "unverified",
      principalArn: event.ExtraData?.arn,
      accessKeyId: key?.slice("aws-key:".length),
      secretDigest: leaked.find((name) => name.startsWith("leak:"))?.slice("leak:".length),
      credentialType: event.DetectorName,
      tokenSource: place?.bucket ? "s3-object" : "source-code-repository",
      secretPath: place?.file ? where : undefined,
    }),
    untrusted: plain(`${event.DetectorName} in ${where}`),
  };
};

export default reading({
  event: Event,
  normalize: (event, channel) => [signal(event, channel)],
});
