import { backoffMs, needsAnother } from "./admission.ts";
import type { Fault } from "./errors.ts";
import type { Times } from "./schedule.ts";
import { HOUR_MS, owedAfter, slotAfter, type Timing } from "./schedule-timing.ts";
import type { Due } from "./timetable.ts";
import type { CredentialId, Instant } from "./types.ts";

/** No scheduled rotation starts from `from` until `to`. Containments do. */
export type Freeze = { readonly from: Instant; readonly to: Instant; readonly reason: string };
/** What the timetable has to know of a credential. */
export type Scheduled = {
  readonly credential: CredentialId;
  readonly name: string;
  readonly network: string;
  readonly target: string;
  readonly timing: Timing | undefined;
  /** As Secrets Manager tells it: of rotations that it keeps. */
  readonly rotatedAt?: Instant;
};

const later = (a: Instant, b: Instant): Instant => (a > b ? a : b);

type Moments = Pick<Due, "owed" | "startAt" | "lateAt"> & Pick<Due, "closesAt">;

const clockTimes = (timing: Timing, id: CredentialId, now: Instant, times: Times): Moments | undefined => {
  const slot = slotAfter(timing, id, now, times);
  if (!slot) return undefined;
  const { at, closesAt } = slot;
  return { owed: at, startAt: at, lateAt: times.after(closesAt ?? at, HOUR_MS), ...(closesAt && { closesAt }) };
};

const nativeTimes = (timing: Timing, rotatedAt: Instant, times: Times): Moments | undefined => {
  const next = owedAfter(timing, rotatedAt, times);
  return next && { ...next, startAt: next.lateAt };
};

const firstTimes = (given: Scheduled & { readonly timing: Timing }, now: Instant, times: Times, isNew: boolean) => {
  const { timing, credential, rotatedAt } = given;
  if (timing.keeper === "secrets-manager") return nativeTimes(timing, rotatedAt ?? now, times);
  if (!timing.startsNow || !isNew) return clockTimes(timing, credential, now, times);
  return { owed: now, startAt: now, lateAt: times.after(now, HOUR_MS) };
};

/** Field by field: a table gives fields back in an order of its own. */
const isSameTiming = (a: Timing, b: Timing) => {
  const fields = Object.keys({ ...a, ...b }) as (keyof Timing)[];
  return fields.every((field) => a[field] === b[field]);
};

/** The same turn goes on: what else is known of the credential may have changed. */
const updated = (known: Due, { name, network, target }: Scheduled): Due | undefined => {
  const isSame = known.name === name && known.network === network && known.target === target;
  return isSame ? undefined : { ...known, name, network, target };
};

type Given = Scheduled & { readonly timing: Timing };

const hasRotated = ({ timing, rotatedAt }: Given, known: Due) =>
  timing.keeper === "secrets-manager" && rotatedAt !== undefined && rotatedAt !== known.rotatedAt;

const fresh = (given: Given, known: Due | undefined, now: Instant, times: Times): Due => {
  const { credential, name, network, target, timing } = given;
  const moments = firstTimes(given, now, times, known === undefined);
  const rotatedAt = given.rotatedAt ?? known?.rotatedAt;
  return {
    ...{ credential, name, network, target, timing, failures: 0, attempt: 0, revision: known?.revision ?? 0 },
    ...(moments ?? { owed: now, startAt: now, lateAt: now, parked: true }),
    ...(rotatedAt && { rotatedAt }),
  };
};

/** What to write when discovery has seen a credential; undefined when the timetable knows all of it already. */
export const enrolled = (given: Scheduled, known: Due | undefined, now: Instant, times: Times): Due | undefined => {
  const { timing } = given;
  if (!timing) return known && !known.parked ? { ...known, parked: true } : undefined;
  const timed = { ...given, timing };
  const goesOn = known && !known.parked && isSameTiming(known.timing, timing) && !hasRotated(timed, known);
  return goesOn ? updated(known, given) : fresh(timed, known, now, times);
};

/** What is to be done with a credential that the clock looks at: start its rotation, tell that it is late, keep what changed. */
export type Turn = { readonly due: Due; readonly starts: boolean; readonly tells: boolean };

const told = (due: Due, now: Instant): Turn => {
  const tells = !due.overdueAt && due.lateAt <= now;
  return { due: tells ? { ...due, overdueAt: now } : due, starts: false, tells };
};

const nextTurn = ({ closesAt: _, ...due }: Due, now: Instant, times: Times): Due => {
  const next = clockTimes(due.timing, due.credential, now, times);
  if (!next) return { ...due, parked: true };
  return { ...due, startAt: next.startAt, ...(next.closesAt && { closesAt: next.closesAt }) };
};

/** Decides for a credential that the clock keeps. A freeze excuses lateness for as long as it lasts and an hour. */
export const turnOf = (due: Due, now: Instant, freezes: readonly Freeze[], times: Times): Turn => {
  const freeze = freezes.find(({ from, to }) => from <= now && now < to);
  if (freeze && due.startAt <= now) {
    const lateAt = later(due.lateAt, times.after(freeze.to, HOUR_MS));
    const frozen: Due = { ...due, startAt: freeze.to, lateAt, why: `frozen: ${freeze.reason}` };
    return { due: frozen, starts: false, tells: false };
  }
  if (due.startAt > now) return told(due, now);
  if (due.closesAt && due.closesAt <= now) return told({ ...nextTurn(due, now, times), why: "its window closed" }, now);
  return { ...told(due, now), starts: true };
};

/** Decides for one that Secrets Manager keeps, which can only be watched; `rotatedAt` is what the inventory knows. */
export const watched = (due: Due, rotatedAt: Instant | undefined, now: Instant, times: Times): Turn => {
  const { overdueAt: _, ...rest } = due;
  if (rotatedAt && rotatedAt !== due.rotatedAt) {
    const fresh = nativeTimes(due.timing, rotatedAt, times);
    if (fresh) return told({ ...rest, ...fresh, rotatedAt }, now);
  }
  const turn = told(due, now);
  return { ...turn, due: { ...turn.due, startAt: times.after(now, HOUR_MS) } };
};

/** Tried no earlier than that, without having failed. */
export const deferred = (due: Due, startAt: Instant, why: string): Due => ({ ...due, startAt, why });

/** Left alone until an incident is over, which is nobody's lateness. */
export const onHold = (due: Due, until: Instant, why: string, times: Times): Due => {
  const { overdueAt: _, ...rest } = due;
  return { ...rest, startAt: until, lateAt: later(due.lateAt, times.after(until, HOUR_MS)), why };
};

const ASKED_AGAIN_MS = 6 * HOUR_MS;
/** How long people have for a turn that only they can take. */
const PEOPLE_MS = 7 * 24 * HOUR_MS;

/** Waits for a person, which is nobody's failure: overdue a week after its turn. */
export const awaited = (due: Due, now: Instant, times: Times): Due => ({
  ...due,
  askedAt: due.askedAt ?? now,
  triedAt: now,
  why: "waits for a person",
  startAt: times.after(now, ASKED_AGAIN_MS),
  lateAt: later(due.lateAt, times.after(due.owed, PEOPLE_MS)),
});

export const failedOnce = (due: Due, fault: Fault, now: Instant, times: Times): Due => {
  const failures = due.failures + 1;
  const attempt = due.attempt + (needsAnother(fault, failures) ? 1 : 0);
  return { ...due, failures, attempt, triedAt: now, why: fault, startAt: times.after(now, backoffMs(failures)) };
};

/** Done: whatever turns passed meanwhile are not caught up with. */
export const succeeded = (due: Due, now: Instant, times: Times): Due => {
  const { overdueAt: _, closesAt: __, why: ___, askedAt: ____, ...rest } = due;
  const next = clockTimes(due.timing, due.credential, now, times);
  const done = { ...rest, failures: 0, attempt: 0, triedAt: now, rotatedAt: now };
  return next ? { ...done, ...next } : { ...done, parked: true };
};
