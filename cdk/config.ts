import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as z from "zod/mini";
import { IngestChannels, notifiers, polled, refreshers, rotators } from "../lib/catalog.ts";

const matching = (pattern: RegExp, what: string) => z.string().check(z.regex(pattern, what));
const account = matching(/^\d{12}$/, "must be a 12-digit account id");
const region = matching(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be a region such as eu-central-1");
const days = (least: number) => z.number().check(z.int(), z.gte(least, `must be at least ${least}`));
const name = (most: number) =>
  matching(new RegExp(`^[a-z][a-z0-9-]{0,${most - 1}}$`), `must be at most ${most} of a-z, 0-9 and -, a letter first`);

const detectors = polled().map(({ name }) => name);
const kinds = rotators.map(({ kind }) => kind);
const instant = z.pipe(
  z.string().check(z.refine((text) => !Number.isNaN(Date.parse(text)), "must be a date such as 2026-12-20T18:00:00Z")),
  z.transform((text) => new Date(text).toISOString()),
);

/**
 * The service control policy that Rekey may edit, pre-attached by its owner. The hub's account is the management account or
 * one that its management is delegated to.
 */
const Organization = z.strictObject({
  policyArn: matching(
    /^arn:[a-z-]+:organizations::\d{12}:policy\/o-[a-z0-9]{10,32}\/service_control_policy\/p-\w{8,128}$/,
    "must be the ARN of a service control policy",
  ),
});

/** With its path where it has one (`service-role/app-*`). A pattern that names nobody in particular names everybody. */
const Names = z
  .array(matching(/^(?![*?])[\w+=,.@/*-]{1,128}$/, "must be a name or the beginning of one, such as app-*"))
  .check(z.maxLength(20, "may hold 20 at most: a function's environment and a role's policy are small"));

const https = matching(/^https:\/\/[\w.-]+(:\d+)?(\/[\w./~-]*)?$/, "must be an https address without a query");
const Approver = matching(
  /^(\*|arn:[\w*-]+:(iam|sts)::[\d*]+:[\w+=,.@/*-]+)$/,
  "must be the ARN of a role, user or session, or *",
);
const Transmit = z.strictObject({
  /** `iss` of every token, for good: receivers know the transmitter by it. */
  issuer: https,
  /** Where the JWKS document is: `bucket/key`, a bucket of this account that receivers can read by some address. */
  jwks: matching(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/[\w./-]{1,200}$/, "must be bucket/key"),
  receivers: z
    .array(
      z.strictObject({
        name: name(32),
        url: https,
        audience: z.string().check(z.minLength(1), z.maxLength(200)),
        /** Name of the secret whose whole text is the Authorization header. */
        authorization: z.optional(matching(/^[\w/+=.@-]{1,200}$/, "must be a secret's name")),
      }),
    )
    .check(z.minLength(1, "needs a receiver"), z.maxLength(8, "may hold 8 at most: a function's environment is small")),
});

const Members = z.strictObject({
  /** Of roles, users or sessions that call by IAM; `*` stands for any run of characters. */
  arns: z._default(z.array(Approver).check(z.maxLength(20)), []),
  /** Of the identity provider's, whole: whose token names one of them. */
  groups: z._default(z.array(z.string().check(z.minLength(1), z.maxLength(100))).check(z.maxLength(20)), []),
});
const Api = z
  .strictObject({
    /** Whose tokens people call with. Absent: nobody calls by token. */
    jwt: z.optional(
      z.strictObject({
        issuer: https,
        audience: z.array(z.string().check(z.minLength(1))).check(z.minLength(1, "needs an audience")),
        /** The claim that names a person's groups; Cognito's is `cognito:groups`. */
        rolesClaim: z._default(z.string().check(z.minLength(1), z.maxLength(100)), "groups"),
      }),
    ),
    /** Who may do what; whoever is in none of them is refused everything. */
    roles: z.strictObject({
      reader: z.optional(Members),
      reviewer: z.optional(Members),
      approver: z.optional(Members),
      operator: z.optional(Members),
    }),
  })
  .check(
    z.refine(({ roles }) => Object.values(roles).some((of) => of !== undefined), "needs a role, or nobody may call"),
    z.refine(
      ({ roles }) => (JSON.stringify(roles) ?? "").length <= 3_000,
      "roles: together longer than 3000 characters",
    ),
    z.refine(
      ({ jwt, roles }) => jwt !== undefined || Object.values(roles).every((of) => (of?.groups.length ?? 0) === 0),
      "roles: names groups, and no jwt says whose",
    ),
  );

/** Each by its own kind's settings. */
const Notify = z
  .array(z.union(notifiers.map(({ settings }) => settings)))
  .check(z.maxLength(8, "may hold 8 at most: a function's environment is small"));

const Network = z.strictObject({
  name: name(16),
  /** Which kinds of credential it rotates: its role gets their grants and no others. Absent: every kind. */
  kinds: z.optional(
    z
      .array(z.enum(kinds, `must be a kind of the catalog: ${kinds.join(", ")}`))
      .check(z.minLength(1, "needs a kind, or leave it out for all")),
  ),
  vpc: z.optional(
    z.strictObject({
      vpcId: matching(/^vpc-[0-9a-f]+$/, "must be a VPC id such as vpc-0a1b"),
      availabilityZones: z.array(z.string()).check(z.minLength(1, "needs one zone per subnet")),
      subnetIds: z.array(matching(/^subnet-[0-9a-f]+$/, "must be a subnet id")).check(z.minLength(1, "needs a subnet")),
      securityGroupIds: z
        .array(matching(/^sg-[0-9a-f]+$/, "must be a security group id"))
        .check(z.minLength(1, "needs a security group that may reach the targets")),
    }),
  ),
});

const Shape = z.strictObject({
  /** First part of every physical name. Two prefixes are two independent Rekeys in one account. */
  prefix: z._default(name(16), "rekey"),
  /** Where the hub goes. Absent: the account and region of the CLI's credentials. */
  env: z.optional(z.strictObject({ account, region })),
  /** Places that targets are reached from: one rotate function each. A secret names its own in tag `rekey:network`. */
  networks: z._default(z.array(Network).check(z.minLength(1, "needs a network")), [{ name: "default" }]),
  /** Accounts with workloads, in the hub's region. Absent: the hub's own account only. */
  spokes: z.optional(
    z
      .array(z.strictObject({ account, region, networks: z.optional(z.array(Network).check(z.minLength(1))) }))
      .check(z.minLength(1, "needs a spoke, or leave it out for the hub's own account")),
  ),
  /** When no rotation that Rekey's clock keeps starts: a change freeze. Containments go on. */
  freezes: z._default(
    z
      .array(z.strictObject({ from: instant, to: instant, reason: z.string().check(z.maxLength(100)) }))
      .check(z.maxLength(16, "may hold 16 at most: a function's environment is small")),
    [],
  ),
  /** A rule for every reading of a secret (source cloudtrail-secrets). EventBridge then counts every call that AWS logs. */
  secretReads: z._default(z.boolean(), false),
  /** Which consumers of secrets Rekey may refresh, by kind: `{ ecs: ["prod/*"], lambda: ["reports-*"] }`. */
  consumers: z._default(
    z.partialRecord(
      z.enum(refreshers.map(({ kind }) => kind)),
      z.array(matching(/^[\w*.-]{1,200}(\/[\w*.-]{1,200})?$/, "must be a name, with * for any part of it")),
    ),
    {},
  ),
  /** Detectors that are asked each hour what EventBridge may have lost. They have to be on in every spoke. */
  reconcile: z._default(z.array(z.enum(detectors, `must be one that can be asked: ${detectors.join(", ")}`)), []),
  /** Whom Rekey may deny in an incident, by name; `*` stands for any run of characters. Absent: nobody. */
  quarantine: z.optional(
    z
      .strictObject({
        roles: z._default(Names, []),
        users: z._default(Names, []),
        /** Denies what an attacker in its account could undo by the organisation's policy. Absent: never. */
        organization: z.optional(Organization),
      })
      .check(z.refine(({ roles, users }) => roles.length + users.length > 0, "needs a name in roles or users")),
  ),
  /** Who may approve what waits for people: ARNs, `*` stands for any run of characters. Absent: nothing waits. */
  approvals: z.optional(z.strictObject({ approvers: z.array(Approver).check(z.minLength(1, "needs an approver")) })),
  /** A canary that is contained to see how long it takes (docs/how-to/run-a-drill.md). Absent: never. */
  drill: z.optional(
    z.strictObject({
      /** How often, in hours. Absent: when somebody asks. */
      everyHours: z.optional(z.int().check(z.gte(1), z.lte(24 * 90))),
      /** How fast it should be refused, in ms from the signal. */
      withinMs: z._default(z.int().check(z.gte(100), z.lte(120_000)), 30_000),
    }),
  ),
  /** Which functions Rekey may throttle to nothing, and in which ECS clusters it may stop tasks. Absent: none. */
  isolate: z.optional(
    z
      .strictObject({ lambda: z._default(Names, []), ecs: z._default(Names, []) })
      .check(z.refine(({ lambda, ecs }) => lambda.length + ecs.length > 0, "needs a name in lambda or ecs")),
  ),
  /** The HTTP API, and who may do what there (docs/how-to/use-the-api.md). Absent: there is none. */
  api: z.optional(Api),
  /** Which people and lists are told of what happens (docs/how-to/be-told.md). Absent: nobody. */
  notify: z._default(Notify, []),
  /** Who is told of containments by CAEP's events (docs/how-to/tell-other-systems.md). Absent: nobody. */
  transmit: z.optional(Transmit),
  /** Witnesses in other accounts that cosign the ledger's checkpoints each hour (docs/how-to/run-a-witness.md). */
  witnesses: z._default(
    z
      .array(
        z.strictObject({
          /** Its submission prefix (C2SP tlog-witness), without a slash at the end. */
          url: matching(/^https?:\/\/[\w.:-]+(\/[\w./~-]*[\w~-])?$/, "must be an address without a query"),
          vkey: matching(/^[^\s+]+\+[0-9a-f]{8}\+[\w+/=]+$/, "must be a verifier key such as name+id+key"),
        }),
      )
      .check(z.maxLength(8, "may hold 8 at most: a function's environment is small")),
    [],
  ),
  /** Webhooks of detectors: who may post, how they prove it, and which account and cluster they speak for. */
  channels: z._default(IngestChannels, []),
  /** Refuses whatever comes from outside this AWS organisation, beside the list of spokes. */
  organization: z.optional(matching(/^o-[a-z0-9]{10,32}$/, "must be an organisation id such as o-a1b2c3d4e5")),
  /** The number of the key that signs checkpoints; `[1, 2]` while 2 takes over (docs/how-to/rotate-the-logs-key.md). */
  ledgerKeys: z._default(
    z.array(z.int().check(z.gte(1))).check(
      z.minLength(1, "needs the number of a key"),
      z.maxLength(2, "may hold 2 at most: one key takes over at a time"),
      z.refine(([one = 1, next = one + 1]) => next === one + 1, "the second must be the number after the first"),
    ),
    [1],
  ),
  archive: z._default(
    z.strictObject({
      /** How long nobody, not even the account's root, can delete what was sealed. In days. */
      retentionDays: days(1),
      /** S3 Object Lock in COMPLIANCE mode. With `false` the ledger is still verifiable, but an administrator can delete it. */
      lock: z.boolean(),
    }),
    { retentionDays: 365, lock: true },
  ),
  /** The archive's event files as a table in Athena, and the queries of reviewers by name (Glue, Athena). */
  analytics: z._default(z.boolean(), false),
  /** How long function logs are kept, in days; one of CloudWatch Logs' own steps. */
  logRetentionDays: z._default(
    z.literal([30, 60, 90, 120, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 3653]),
    365,
  ),
  /** What `cdk destroy` does to tables, the signing key and buckets. `destroy` is for trials: history goes with it. */
  removal: z._default(z.literal(["retain", "destroy"]), "retain"),
  /** Playbook files (YAML or JSON) instead of `playbooks/default.json`, in their order, relative to the working directory. */
  playbooks: z.optional(
    z.array(z.string()).check(z.minLength(1, "needs a file, or leave it out for the shipped ones")),
  ),
  /** Cedar files instead of `authority/default.cedar`: who may do what (docs/explanation/authority.md). */
  authority: z.optional(z.array(z.string()).check(z.minLength(1, "needs a file, or leave it out for the shipped one"))),
  /** An SNS topic that the alarms notify. */
  alarmTopicArn: z.optional(matching(/^arn:[\w-]+:sns:/, "must be the ARN of an SNS topic")),
});

export type Config = z.input<typeof Shape>;
export type Settled = z.output<typeof Shape>;
export type NetworkConfig = z.output<typeof Network>;

/** Types the default export of a `rekey.config.ts`. */
export const defineConfig = (config: Config): Config => config;

const described = (issue: z.core.$ZodIssue): string => {
  const at = issue.path.join(".") || "the default export";
  if (issue.code === "unrecognized_keys") return `${at}: unknown ${issue.keys.join(", ")}`;
  return `${at}: ${issue.message}`;
};

const unique = (what: string, values: readonly string[]): readonly string[] =>
  values.filter((value, n) => values.indexOf(value) !== n).map((value) => `${what}: ${value} is named twice`);

/** Lambda's environment holds 4 KB (its quotas); the rest of it is ours. */
const LONGEST_CHANNELS = 3_000;

const channelProblems = ({ env, spokes, channels }: Settled): readonly string[] => {
  const known = spokes?.map(({ account: one }) => one) ?? (env ? [env.account] : undefined);
  return [
    ...unique(
      "channels",
      channels.map((channel) => channel.name),
    ),
    ...channels
      .filter((channel) => known?.includes(channel.account) === false)
      .map((channel) => `channels: ${channel.name} speaks for ${channel.account}, which is no spoke`),
    ...(JSON.stringify(channels).length > LONGEST_CHANNELS
      ? [`channels: together longer than ${LONGEST_CHANNELS} characters; a function's environment is small`]
      : []),
  ];
};

/** What one field alone cannot show. */
const contradictions = (settled: Settled): readonly string[] => [
  ...channelProblems(settled),
  ...unique(
    "notify",
    settled.notify.map(({ name: one }) => one),
  ),
  ...networkProblems(settled),
];

const networkProblems = ({ env, networks, freezes, spokes = [] }: Settled): readonly string[] => [
  ...unique(
    "networks",
    networks.map((network) => network.name),
  ),
  ...unique(
    "spokes",
    spokes.map((spoke) => `${spoke.account}/${spoke.region}`),
  ),
  ...spokes.flatMap(({ networks: own = [] }) =>
    unique(
      "spokes.networks",
      own.map((network) => network.name),
    ),
  ),
  ...freezes.filter(({ from, to }) => from >= to).map(({ from, to }) => `freezes: ${from} is not before ${to}`),
  ...(spokes.length > 0 && !env ? ["env: say where the hub is when spokes are named"] : []),
  // EventBridge delivers to a queue of another account in the same region only (its user guide, cross-account targets).
  ...spokes
    .filter((spoke) => env && spoke.region !== env.region)
    .map(
      (spoke) => `spokes: ${spoke.account} is in ${spoke.region}, the hub in ${env?.region}; deploy a hub per region`,
    ),
];

/** Fills in defaults. Throws: which file, every problem found, and where the fields are described. */
export const settle = (config: unknown, file: string): Settled => {
  const result = Shape.safeParse(config);
  const problems = result.success ? contradictions(result.data) : result.error.issues.map(described);
  if (result.success && problems.length === 0) return result.data;
  throw new Error(
    `${file} is not a Rekey config:\n  ${problems.join("\n  ")}\nSee docs/how-to/deploy.md, "Config reference".`,
  );
};

/** Reads the config that `-c config=FILE` names, relative to the working directory. Throws what and what to do. */
export const loadConfig = async (file: string): Promise<Settled> => {
  const url = pathToFileURL(resolve(file)).href;
  const module: { readonly default?: unknown } = await import(url).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`The config ${file} could not be loaded: ${why}. Name another with -c config=FILE.`);
  });
  return settle(module.default, file);
};
