import type { LifecycleEvent } from "../events.ts";
import type { Clock, Credential, CredentialId, Identifier, Instant } from "../types.ts";
import type { Entity, KeyUse } from "./facts.ts";
import type { ReachedBy, ReadEdge } from "./index-port.ts";

/** Who reads one credential and who may, as one look at its account found it. Counts, and one name each as an example. */
export type Observed = {
  /** Readings before this are counted. */
  readonly until: Instant;
  /** When it was last read; of an access key, when it last signed a request, if that was later. */
  readonly lastUsedAt: Instant | null;
  /** Readings since they were first looked for. */
  readonly uses: number;
  /** How many have read it, and how many may by their policies and never did. */
  readonly readers: number;
  readonly unused: number;
  readonly anUnused: Identifier | null;
  /** Of those who have read it, how many are people. */
  readonly people: number;
  readonly aPerson: Identifier | null;
  /** Of those who have read it, how many belong to another environment. */
  readonly strangers: number;
  readonly aStranger: Identifier | null;
  /** Whether the role that its workload tag names is there; unknown where it names none of this account. */
  readonly workload: "there" | "gone" | "unknown";
};

export type Seen = {
  readonly credentials: readonly Credential[];
  readonly entities: readonly Entity[];
  readonly reads: readonly ReadEdge[];
  readonly reachedBy: readonly ReachedBy[];
  /** Of credentials that are access keys. */
  readonly keyUses: readonly KeyUse[];
  readonly account: string;
  readonly until: Instant;
};

const ENVIRONMENT = "rekey:environment";
const PERSON = "rekey:person";
const ROLE = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/;

/** A session of Identity Center, or whoever its owner says is one. IAM does not tell a person's user from a machine's. */
const isPerson = ({ path, tags }: Entity): boolean =>
  path.startsWith("/aws-reserved/sso.amazonaws.com/") || tags[PERSON] === "true";

const workloadOf = ({ workload }: Credential, entities: ReadonlyMap<Identifier, Entity>, account: string) => {
  const [, owner, role] = ROLE.exec(workload) ?? [];
  if (owner !== account || !role) return "unknown";
  return entities.has(`iam-role:${account}/${role}`) ? "there" : "gone";
};

const first = (names: readonly Identifier[]): Identifier | null => names.toSorted()[0] ?? null;

const observe = (credential: Credential, seen: Seen, entities: ReadonlyMap<Identifier, Entity>): Observed => {
  const edges = seen.reads.filter((edge) => edge.credential === credential.id);
  const readers = edges.map(({ principal }) => principal);
  const may = seen.reachedBy.find((one) => one.credential === credential.id)?.by ?? [];
  const unused = may.filter(
    ({ edge, path, principal }) => edge === "can" && path.length === 1 && !readers.includes(principal),
  );
  const who = readers.flatMap((principal) => entities.get(principal) ?? []);
  const people = who.filter(isPerson).map(({ id }) => id);
  const strangers = who
    .filter(({ tags }) => credential.environment && tags[ENVIRONMENT] && tags[ENVIRONMENT] !== credential.environment)
    .map(({ id }) => id);
  const used = seen.keyUses.filter(({ name }) => credential.identifiers.includes(name)).map(({ at }) => at);
  const names = unused.map(({ principal }) => principal);
  return {
    until: seen.until,
    lastUsedAt: [...edges.map((edge) => edge.lastUsedAt), ...used].sort().at(-1) ?? null,
    uses: edges.reduce((sum, { uses }) => sum + uses, 0),
    readers: readers.length,
    unused: names.length,
    anUnused: first(names),
    people: people.length,
    aPerson: first(people),
    strangers: strangers.length,
    aStranger: first(strangers),
    workload: workloadOf(credential, entities, seen.account),
  };
};

const WEEK_MS = 7 * 86_400_000;
const DAY = "2026-01-01".length;
const EPOCH = "1970-01-01T00:00:00.000Z" as Instant;

/** One a day of what is used, one a week of what is not, and one at once when anything but a count of readings changes. */
const idOf = (observed: Observed, times: Pick<Clock, "between">): string => {
  const { until, lastUsedAt, readers, unused, people, strangers, workload } = observed;
  const isIdle = lastUsedAt === null || times.between(lastUsedAt, until) > WEEK_MS;
  const span = isIdle ? `week-${Math.floor(times.between(EPOCH, until) / WEEK_MS)}` : until.slice(0, DAY);
  return `observed:${span}:${[readers, unused, people, strangers, workload].join(":")}`;
};

/** What one look says of each credential, once however often the same is seen. */
export const observations = (seen: Seen, times: Pick<Clock, "between">): readonly LifecycleEvent[] => {
  const entities = new Map(seen.entities.map((entity) => [entity.id, entity]));
  return seen.credentials.map((credential) => {
    const data = observe(credential, seen, entities);
    return {
      id: idOf(data, times),
      stream: credential.id satisfies CredentialId,
      type: "access.observed",
      at: seen.until,
      actor: { kind: "service", principal: "rekey-discover" },
      data,
    };
  });
};
