import type { Fault } from "./errors.ts";
import type { Times } from "./schedule.ts";
import type { CredentialId, Identifier, Instant } from "./types.ts";

/**
 * PutSecretValue, UpdateSecret and UpdateSecretVersionStage share 50 a second per account and region, not adjustable
 * (docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html). A rotation is one of the first and one of
 * the last.
 */
export const WRITES_PER_SECOND = 50;
const WRITES_PER_ROTATION = 2;
/** What schedules may take of it: 30 writes a second. The rest is for containments and for what Secrets Manager keeps. */
const SCHEDULED_SHARE = 0.6;

const QUICK = Math.floor((WRITES_PER_SECOND * SCHEDULED_SHARE) / WRITES_PER_ROTATION);
const ALL = Math.floor(WRITES_PER_SECOND / WRITES_PER_ROTATION);
/** One that takes longer waits for its target, and not for Secrets Manager. */
const SLOW_MS = 10_000;
const SECOND_MS = 1_000;

/** A rotation that may still write, or that ended at `endedAt`; times in ms of one clock. */
export type Flight = { readonly startedAt: number; readonly endedAt?: number };

/** Those that may have written within the last second or may write in the next. */
export const inSight = <F extends Flight>(flights: readonly F[], now: number): readonly F[] =>
  flights.filter(({ endedAt }) => endedAt === undefined || now - endedAt < SECOND_MS);

/**
 * Whether one more may start beside those in sight. In any second only they write, twice at most, whenever within their
 * run that is: 15 make 30 writes. Up to 10 that hang on a slow target for over 10 s do not count, or a few dead targets
 * would stop all: were they all to write in the same second, that would be 50.
 */
export const admits = (flights: readonly Flight[], now: number): boolean => {
  const seen = inSight(flights, now);
  const slow = seen.filter(({ startedAt, endedAt = now }) => endedAt - startedAt > SLOW_MS).length;
  return seen.length - Math.min(slow, ALL - QUICK) < QUICK;
};

/** Limits are per account and region: each such pair is admitted to by itself. */
export const laneOf = (id: CredentialId): string => id.split(":").slice(3, 5).join(":");

const TEN_MINUTES_MS = 600_000;
const DAY_MS = 86_400_000;
/** Of the 100 versions younger than a day that Secrets Manager does not remove, ten are left to containments. */
const VERSIONS_A_DAY = 90;

/**
 * When a schedule may write this secret again, from when its versions were made: 10 minutes after the last, and not while
 * 90 are younger than a day. Undefined: now. Its only version is where it starts, and does not count.
 */
export const writableAt = (made: readonly Instant[], now: Instant, times: Times): Instant | undefined => {
  if (made.length < 2) return undefined;
  const newestFirst = made.toSorted().toReversed();
  const full = newestFirst[VERSIONS_A_DAY - 1];
  const waits = [
    ...newestFirst.slice(0, 1).map((at) => times.after(at, TEN_MINUTES_MS)),
    ...(full ? [times.after(full, DAY_MS)] : []),
  ];
  return waits
    .filter((at) => at > now)
    .toSorted()
    .at(-1);
};

const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;

/** How long after so many failures in a row the next try waits: 1 minute, doubled each time, 1 hour at most. */
export const backoffMs = (failures: number): number =>
  Math.min(FIRST_WAIT_MS * 2 ** Math.max(0, Math.min(failures, 30) - 1), LONGEST_WAIT_MS);

/** Whose failure it was: the target's, so that all that it holds waits, the credential's own, or the service's, which is nobody's. */
export const blame = (fault: Fault): "target" | "credential" | "service" => {
  if (fault === "unreachable" || fault === "tls") return "target";
  return fault === "throttled" ? "service" : "credential";
};

/** Faults after which the same version would fail again: other material, or a version without a history, may pass. */
export const needsAnother = (fault: Fault, failures: number): boolean =>
  fault === "auth" || fault === "policy" || fault === "conflict" || failures % 3 === 0;

const SERVER = /^db:([^/]+)\//;

/**
 * What is rotated one at a time and waits as one when it fails: a database server, an IAM user, or the credential itself
 * where no identifier tells more.
 */
export const targetOf = (id: CredentialId, network: string, identifiers: readonly Identifier[]): string => {
  const server = identifiers.map((name) => SERVER.exec(name)?.[1]).find((found) => found !== undefined);
  if (server) return `${network}/db:${server}`;
  const login = identifiers.find((name) => name.startsWith("iam-user:"));
  return login ?? id;
};
