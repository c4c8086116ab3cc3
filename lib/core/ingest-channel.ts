import * as z from "zod/mini";

const matching = (pattern: RegExp, what: string) => z.string().check(z.regex(pattern, what));
const header = z.pipe(
  matching(/^[A-Za-z0-9-]{1,64}$/, "must be the name of a header"),
  z.transform((name) => name.toLowerCase()),
);
const seconds = (most: number) =>
  z.number().check(z.int(), z.gte(1, "must be at least 1"), z.lte(most, `must be at most ${most}`));

const HOUR_S = 3_600;
const WEEK_S = 604_800;
const DAYS_30_S = 2_592_000;

const common = {
  /** Last part of the channel's URL. */
  name: matching(/^[a-z][a-z0-9-]{0,31}$/, "must be at most 32 of a-z, 0-9 and -, a letter first"),
  /** The account that the channel's bodies speak for; what a body says of it is not read. */
  account: matching(/^\d{12}$/, "must be a 12-digit account id"),
  cluster: z.optional(matching(/^[\w.:/@-]{1,100}$/, "must be the name of a cluster")),
} as const;

const secret = matching(
  /^[\w/+=.@:-]{1,512}$/,
  "must be the name or ARN of the secret that holds the token or key, not its value",
);

/** A sender's signature covers a timestamp: older ones are refused. */
const Stamped = z.strictObject({
  ...common,
  auth: z.literal(["hmac-sha256", "gitguardian", "standard-webhooks"]),
  secret,
  header: z.optional(header),
  timestampHeader: z.optional(header),
  maxAgeSeconds: z._default(seconds(HOUR_S), 300),
});

/** Nothing tells when it was sent: what was taken is remembered for `maxAgeSeconds`. */
const Unstamped = z.strictObject({
  ...common,
  auth: z.literal(["github", "token"]),
  secret,
  header: z.optional(header),
  maxAgeSeconds: z._default(seconds(DAYS_30_S), WEEK_S),
});

/** Push delivery of security event tokens (RFC 8935), signed by the transmitter. */
const Tokens = z.strictObject({
  ...common,
  auth: z.literal("ssf"),
  issuer: z.string().check(z.minLength(1), z.maxLength(512)),
  audience: z.string().check(z.minLength(1), z.maxLength(512)),
  jwks: matching(/^https:\/\/\S{1,500}$/, "must be the https URL of the transmitter's keys"),
  /** Holds the value of the header Authorization that the stream was configured with. */
  secret: z.optional(secret),
  maxAgeSeconds: z._default(seconds(DAYS_30_S), WEEK_S),
});

/** How detectors' bodies come in: who may send, and for which account and cluster they speak. */
export const IngestChannels = z.array(
  z.discriminatedUnion("auth", [Stamped, Unstamped, Tokens], { error: "must be an auth that Rekey knows" }),
);

export type IngestChannel = z.output<typeof IngestChannels>[number];
export type TokenChannel = Extract<IngestChannel, { readonly auth: "ssf" }>;
export type KeyedChannel = Exclude<IngestChannel, TokenChannel>;
