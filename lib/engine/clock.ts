import { backoffMs, blame, writableAt } from "../core/admission.ts";
import type { Network } from "../core/commands.ts";
import { type Fault, faultOf } from "../core/errors.ts";
import type { Actor } from "../core/events.ts";
import type { Inventory } from "../core/incident.ts";
import type { Tell } from "../core/notice.ts";
import { described } from "../core/sanitize.ts";
import { scheduledVersion } from "../core/schedule-timing.ts";
import {
  awaited,
  deferred,
  type Freeze,
  failedOnce,
  onHold,
  succeeded,
  type Turn,
  turnOf,
  watched,
} from "../core/schedule-turn.ts";
import type { Due, Made, Timetable } from "../core/timetable.ts";
import type { Clock, CredentialId, Instant, Ledger, VersionId } from "../core/types.ts";

export type ClockWorld = {
  readonly timetable: Timetable;
  readonly network: Network;
  readonly inventory: Pick<Inventory, "get">;
  readonly ledger: Pick<Ledger, "append">;
  readonly clock: Clock;
  readonly tell: Tell;
  readonly freezes: readonly Freeze[];
  /** Undefined when there is no such secret. */
  readonly versions: (id: CredentialId) => Promise<Made | undefined>;
  /** The incident that works on the credential or has revoked its current version: nothing fresh may be issued meanwhile. */
  readonly heldBy: (id: CredentialId, current: VersionId | undefined, now: Instant) => Promise<string | undefined>;
};

/** What became of one credential; `wrote` when Secrets Manager may have been written to. */
export type Outcome = {
  readonly credential: CredentialId;
  readonly result: "rotated" | "asked" | "failed" | "deferred" | "watched" | "frozen" | "lost";
  readonly wrote: boolean;
  readonly overdue?: boolean;
  readonly fault?: Fault;
  readonly error?: string;
};

const CLOCK: Actor = { kind: "schedule", principal: "rekey-clock" };
/** Longer than a rotate function's call may take: what is not settled by then has lost its clock, and is due again. */
const CLAIM_MS = 300_000;
const HOLD_MS = 600_000;

const tell = async (world: ClockWorld, { credential, owed, timing, why = "not started" }: Due) => {
  await world.ledger.append({
    id: `overdue:${owed}`,
    stream: credential,
    type: "rotation.overdue",
    at: world.clock.now(),
    actor: CLOCK,
    data: { owed, keeper: timing.keeper, schedule: timing.schedule, why },
  });
  await world.tell({ moment: "overdue", subject: credential, key: `${credential}:overdue:${owed}` });
};

/** Whether the timetable took it; another clock or a discovery may have been faster. */
const keep = async (world: ClockWorld, due: Due): Promise<Due | undefined> =>
  (await world.timetable.put(due)) ? { ...due, revision: due.revision + 1 } : undefined;

const readTarget = async (world: ClockWorld, target: string) => {
  const { failures = 0, until } = (await world.timetable.target(target)) ?? {};
  return { target, failures, until };
};

type Stop = { readonly due: Due } | undefined;

/** Why this rotation does not start now, if it does not. What is asked costs no write. */
const stopped = async (world: ClockWorld, due: Due): Promise<Stop> => {
  const now = world.clock.now();
  const [target, versions] = await Promise.all([readTarget(world, due.target), world.versions(due.credential)]);
  if (!versions) return { due: { ...due, parked: true, why: "there is no such secret" } };
  const incident = await world.heldBy(due.credential, versions.current, now);
  if (incident) {
    const until = world.clock.after(now, HOLD_MS);
    return { due: onHold(due, until, `incident ${incident}`, world.clock) };
  }
  if (target.until && target.until > now) return { due: deferred(due, target.until, "its target fails") };
  const writable = writableAt(versions.made, now, world.clock);
  return writable && { due: deferred(due, writable, "written less than 10 minutes ago, or 90 times in a day") };
};

/** Told once a turn, however often the clock comes by. */
const asked = async (world: ClockWorld, due: Due): Promise<Outcome> => {
  const { credential, owed, timing } = due;
  const at = world.clock.now();
  await world.ledger.append({
    id: `asked:${owed}`,
    stream: credential,
    type: "rotation.asked",
    at,
    actor: CLOCK,
    data: { owed, schedule: timing.schedule },
  });
  await world.tell({ moment: "asked", subject: credential, key: `${credential}:asked:${owed}` });
  await keep(world, awaited(due, at, world.clock));
  return { credential, result: "asked", wrote: false };
};

const failed = async (world: ClockWorld, due: Due, error: unknown): Promise<Outcome> => {
  const { clock, timetable } = world;
  const fault = faultOf(error);
  if (fault === "person") return asked(world, due);
  const whose = blame(fault);
  const now = clock.now();
  if (whose === "target") {
    const { target, failures } = await readTarget(world, due.target);
    await timetable.putTarget({ target, failures: failures + 1, until: clock.after(now, backoffMs(failures + 1)) });
  }
  await keep(world, failedOnce(due, fault, now, clock));
  return { credential: due.credential, result: "failed", wrote: true, fault, error: described(error).message };
};

/** Whether a person has taken the turn that they were asked for. */
const isTaken = async (world: ClockWorld, { credential, askedAt, owed }: Due): Promise<boolean> => {
  const { currentMade } = (askedAt && (await world.versions(credential))) || {};
  return currentMade !== undefined && currentMade > owed;
};

const rotate = async (world: ClockWorld, due: Due): Promise<Outcome> => {
  const { clock, network, timetable } = world;
  const { credential } = due;
  if (await isTaken(world, due)) {
    await keep(world, succeeded(due, clock.now(), clock));
    return { credential, result: "rotated", wrote: false };
  }
  const claimed = await keep(world, { ...due, startAt: clock.after(clock.now(), CLAIM_MS), triedAt: clock.now() });
  if (!claimed) return { credential, result: "lost", wrote: false };
  const attempt = scheduledVersion(credential, due.owed, due.attempt);
  try {
    await network.call(due.network, { verb: "rotate", credential, attempt, actor: CLOCK });
  } catch (error) {
    return failed(world, claimed, error);
  }
  const target = await timetable.target(due.target);
  if (target?.failures) await timetable.putTarget({ ...target, failures: 0, until: clock.now() });
  await keep(world, succeeded(claimed, clock.now(), clock));
  return { credential, result: "rotated", wrote: true };
};

const settle = async (world: ClockWorld, { due, starts }: Turn): Promise<Outcome> => {
  const { credential, timing } = due;
  const stop = starts ? await stopped(world, due) : undefined;
  if (starts && !stop) return rotate(world, due);
  await keep(world, stop?.due ?? due);
  if (stop) return { credential, result: "deferred", wrote: false };
  return { credential, result: timing.keeper === "clock" ? "frozen" : "watched", wrote: false };
};

/**
 * What Secrets Manager should have rotated and did not may hang on a dead attempt: that is ended, and another begun,
 * without a person. What only a person can mend is told by the ledger and the alarm.
 */
const mend = async (world: ClockWorld, { credential, network, owed, attempt: n }: Due): Promise<void> => {
  const versions = await world.versions(credential);
  const incident = versions && (await world.heldBy(credential, versions.current, world.clock.now()));
  const asked = { credential, actor: CLOCK, ...(incident && { incident }) };
  const { done } = await world.network.call(network, { verb: "repair", ...asked });
  if (done.do !== "clear" || incident) return;
  const attempt = scheduledVersion(credential, owed, n);
  await world.network.call(network, { verb: "rotate", credential, attempt, actor: CLOCK });
};

/** One credential that is to be looked at: told of when it is late, then rotated, deferred or left. Never throws. */
export const look = async (world: ClockWorld, due: Due): Promise<Outcome> => {
  const { clock, freezes, inventory } = world;
  try {
    const isNative = due.timing.keeper === "secrets-manager";
    const turn = isNative
      ? watched(due, (await inventory.get(due.credential))?.rotatedAt, clock.now(), clock)
      : turnOf(due, clock.now(), freezes, clock);
    if (turn.tells) await tell(world, turn.due);
    const outcome = await settle(world, turn);
    if (turn.tells && isNative) await mend(world, turn.due);
    return turn.tells ? { ...outcome, overdue: true } : outcome;
  } catch (error) {
    return { credential: due.credential, result: "failed", wrote: true, error: described(error).message };
  }
};
