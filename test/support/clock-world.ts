import type { Command } from "../../lib/core/commands.ts";
import type { LifecycleEvent } from "../../lib/core/events.ts";
import type { Notice } from "../../lib/core/notice.ts";
import type { Timing } from "../../lib/core/schedule-timing.ts";
import { enrolled, type Freeze } from "../../lib/core/schedule-turn.ts";
import type { Due } from "../../lib/core/timetable.ts";
import type { CredentialId, Instant } from "../../lib/core/types.ts";
import type { ClockWorld } from "../../lib/engine/clock.ts";
import { tick } from "../../lib/engine/clock-drain.ts";
import { memoryClock } from "../../lib/memory/clock.ts";
import { memoryLedger } from "../../lib/memory/ledger.ts";
import { memoryInventory } from "../../lib/memory/state.ts";
import { memoryTimetable } from "../../lib/memory/timetable.ts";

export const START = "2026-11-20T09:00:00.000Z" as Instant;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const id = (n: number) => `arn:aws:secretsmanager:eu-central-1:111111111111:secret:s${n}-AbCdEf` as CredentialId;
export const ONCE = { keeper: "clock", schedule: "rate(30 days)", startsNow: true } as const;
export const HOURLY = { keeper: "clock", schedule: "rate(1 hour)" } as const;
export type Rotate = Extract<Command, { readonly verb: "rotate" }>;

export const thrown = (name: string) => Object.assign(new Error(`it was ${name}`), { name });

/** A clock with its world: who is due, what answers, and what came of it. */
export const world = ({ freezes = [] as readonly Freeze[] } = {}) => {
  const clock = memoryClock(START);
  const timetable = memoryTimetable();
  const inventory = memoryInventory();
  const asked: Rotate[] = [];
  const events: LifecycleEvent[] = [];
  const made = new Map<CredentialId, readonly Instant[]>();
  const held = new Map<CredentialId, string>();
  const ledger = memoryLedger({ clock });
  const repairs: CredentialId[] = [];
  const people: Notice[] = [];
  let repair: "nothing" | "clear" = "nothing";
  let answer = (_: Rotate): Error | undefined => undefined;
  const engine: ClockWorld = {
    timetable,
    inventory,
    clock,
    freezes,
    ledger: {
      async append(event) {
        events.push(event);
        return ledger.append(event);
      },
    },
    network: {
      async call(_, command) {
        if (command.verb === "repair") {
          repairs.push(command.credential);
          return { done: { do: repair }, findings: [] } as never;
        }
        const rotate = command as unknown as Rotate;
        asked.push(rotate);
        const error = answer(rotate);
        if (error) throw error;
        made.set(rotate.credential, [...(made.get(rotate.credential) ?? [START]), clock.now()]);
        return undefined as never;
      },
    },
    versions: async (of) => {
      if (of.includes("gone")) return undefined;
      const all = made.get(of) ?? [START];
      return { made: all, currentMade: all.at(-1) ?? START };
    },
    heldBy: async (of) => held.get(of),
    tell: async (notice) => void people.push(notice),
  };
  const put = async (n: number, timing: Timing = HOURLY, target = `t${n}`) => {
    const given = { credential: id(n), name: `s${n}`, network: "default", target, timing };
    const due = enrolled(given, await timetable.get(id(n)), clock.now(), clock);
    if (due) await timetable.put(due);
  };
  const due = async (n: number): Promise<Due> => {
    const found = await timetable.get(id(n));
    if (!found) throw new Error(`${n} is in no timetable`);
    return found;
  };
  let ticks = 0;
  const run = (over: Partial<ClockWorld> = {}) => {
    ticks += 1;
    return tick({ ...engine, ...over }, { drainMs: 50_000, owner: `clock-${ticks}` });
  };
  /** Ticks each minute until so long has passed. */
  const pass = async (ms: number) => {
    for (let past = 0; past < ms; past += MINUTE) {
      clock.advance(MINUTE);
      await run();
    }
  };
  const answers = (how: typeof answer) => {
    answer = how;
  };
  const repairsBy = (how: typeof repair) => {
    repair = how;
  };
  return {
    clock,
    timetable,
    inventory,
    asked,
    repairs,
    repairsBy,
    people,
    events,
    made,
    held,
    engine,
    put,
    due,
    run,
    pass,
    answers,
  };
};
