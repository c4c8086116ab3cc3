import { admits, inSight, laneOf } from "../core/admission.ts";
import type { Due } from "../core/timetable.ts";
import type { CredentialId } from "../core/types.ts";
import { type ClockWorld, look, type Outcome } from "./clock.ts";

export type Limits = {
  /** Nothing starts after so many ms; what runs then is waited for. */
  readonly drainMs: number;
  /** Names this clock. */
  readonly owner: string;
};
export type Drained = {
  /** Another clock holds the lease. */
  readonly skipped: boolean;
  readonly outcomes: readonly Outcome[];
  /** How many credentials are overdue now. */
  readonly overdue: number;
};

/** How often a clock that may start nothing looks again whether it may. */
const PAUSE_MS = 50;
/** How often it asks for what has fallen due meanwhile. */
const ASK_MS = 5_000;
/** How soon one tick looks at the same credential again: as soon as the next tick would. */
const AGAIN_MS = 60_000;
/** Read at once, longest waiting first: 10 MB at most. */
const READ = 10_000;
/** After Secrets Manager, Lambda or a provider has asked to come again later. */
const THROTTLED_MS = 5_000;

/**
 * A clock that lives renews its lease every 30 s. One that died has lost it after 150 s, when every call that it had made
 * has ended too (120 s, lib/aws/network.ts).
 */
const LEASE_MS = 150_000;
const RENEW_MS = 30_000;

type Run = { readonly target: string; readonly startedAt: number; readonly endedAt?: number };

/** What waits in one lane, what runs there or has ended within the last second, and so what may start. */
const newLane = (world: ClockWorld, outcomes: Outcome[]) => {
  const waiting: Due[] = [];
  let runs: readonly Run[] = [];
  let pausedUntil = Number.NEGATIVE_INFINITY;

  const end = (run: Run, outcome: Outcome) => {
    const now = world.clock.ticks();
    outcomes.push(outcome);
    if (outcome.fault === "throttled") pausedUntil = now + THROTTLED_MS;
    runs = [...runs.filter((one) => one !== run), ...(outcome.wrote ? [{ ...run, endedAt: now }] : [])];
  };
  const start = (due: Due) => {
    const run = { target: due.target, startedAt: world.clock.ticks() };
    runs = [...runs, run];
    look(world, due).then((outcome) => end(run, outcome));
  };
  const isRunning = ({ endedAt }: Run) => endedAt === undefined;

  return {
    waiting,
    isIdle: () => !runs.some(isRunning),
    /** Starts the first in line whose target nobody works on; false when nobody may start now. */
    startNext(): boolean {
      const now = world.clock.ticks();
      runs = inSight(runs, now);
      if (waiting.length === 0 || pausedUntil > now || !admits(runs, now)) return false;
      const busy = new Set(runs.filter(isRunning).map(({ target }) => target));
      const at = waiting.findIndex(({ target }) => !busy.has(target));
      const [next] = at < 0 ? [] : waiting.splice(at, 1);
      if (next) start(next);
      return next !== undefined;
    },
  };
};

/** The lanes of those that are due, by account and region; asks the timetable for those that fall due meanwhile. */
const newLanes = (world: ClockWorld) => {
  const { clock, timetable } = world;
  const outcomes: Outcome[] = [];
  const lanes = new Map<string, ReturnType<typeof newLane>>();
  const seen = new Map<CredentialId, number>();
  let askedAt = Number.NEGATIVE_INFINITY;

  const laneFor = (id: CredentialId) => {
    const name = laneOf(id);
    const lane = lanes.get(name) ?? newLane(world, outcomes);
    lanes.set(name, lane);
    return lane;
  };
  const every = (test: (lane: ReturnType<typeof newLane>) => boolean) => [...lanes.values()].every(test);
  const isIdle = () => every((lane) => lane.isIdle());
  const isEmpty = () => every(({ waiting }) => waiting.length === 0);

  return {
    outcomes,
    isIdle,
    isDone: () => isIdle() && isEmpty(),
    /** What was looked at and could not be written stays due: once a minute is enough. */
    async ask() {
      if (!isEmpty() || (!isIdle() && clock.ticks() - askedAt < ASK_MS)) return;
      askedAt = clock.ticks();
      for (const due of await timetable.due(clock.now(), READ)) {
        if (askedAt - (seen.get(due.credential) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) continue;
        seen.set(due.credential, askedAt);
        laneFor(due.credential).waiting.push(due);
      }
    },
    startOne: () => [...lanes.values()].filter((lane) => lane.startNext()).length > 0,
  };
};

/** The lease of one clock; `holds` renews it when it is time to, and is false once another clock has it. */
const newLease = ({ clock, timetable }: ClockWorld, owner: string) => {
  let renewAt = Number.NEGATIVE_INFINITY;
  let isHeld = true;
  return async (): Promise<boolean> => {
    if (!isHeld || clock.ticks() < renewAt) return isHeld;
    renewAt = clock.ticks() + RENEW_MS;
    const now = clock.now();
    isHeld = await timetable.lease(owner, now, clock.after(now, LEASE_MS));
    return isHeld;
  };
};

const drain = async (world: ClockWorld, untilTicks: number, holds: () => Promise<boolean>) => {
  const { clock } = world;
  const lanes = newLanes(world);
  while (clock.ticks() < untilTicks && (await holds())) {
    await lanes.ask();
    if (lanes.isDone()) break;
    if (!lanes.startOne()) await clock.sleep(PAUSE_MS);
  }
  while (!lanes.isIdle()) {
    await holds();
    await clock.sleep(PAUSE_MS);
  }
  return lanes.outcomes;
};

/**
 * One tick: whoever is due is rotated, the longest waiting first, as fast as Secrets Manager allows and one at a time for
 * each target. One clock at a time; whatever a crash leaves is due again when its claim has ended.
 */
export const tick = async (world: ClockWorld, { drainMs, owner }: Limits): Promise<Drained> => {
  const { clock, timetable } = world;
  const holds = newLease(world, owner);
  const isFirst = await holds();
  const outcomes = isFirst ? await drain(world, clock.ticks() + drainMs, holds) : [];
  if (isFirst) await timetable.release(owner);
  return { skipped: !isFirst, outcomes, overdue: (await timetable.overdue()).length };
};
