import type { Network } from "../lib/core/commands.ts";
import { enrolled } from "../lib/core/schedule-turn.ts";
import type { Clock, CredentialId, Instant } from "../lib/core/types.ts";
import type { ClockWorld } from "../lib/engine/clock.ts";
import { tick } from "../lib/engine/clock-drain.ts";
import { memoryClock } from "../lib/memory/clock.ts";
import { memoryLedger } from "../lib/memory/ledger.ts";
import { writeLimit } from "../lib/memory/limits.ts";
import { memoryInventory } from "../lib/memory/state.ts";
import { memoryTimetable } from "../lib/memory/timetable.ts";
import { virtualClock } from "../lib/memory/virtual-clock.ts";
import { dice } from "./dice.ts";

/** What the estate is: everything from one seed, so that the same numbers come out anywhere. */
export type Estate = {
  readonly credentials: number;
  /** Over how many ms the schedule spreads them; 0: all fall due at the same moment. */
  readonly spreadMs: number;
  /** Of 1,000 targets, how many answer nothing for the first 20 minutes. */
  readonly deadOf1000: number;
  readonly seed: number;
};
type Rotated = { readonly id: CredentialId; readonly at: number; readonly isDead: boolean };
export type Simulated = {
  readonly rotated: readonly Rotated[];
  /** When each write was made, in ms since all fell due. */
  readonly writes: readonly number[];
  readonly limit: { readonly most: number; readonly refused: number };
  /** How long each containment took; undisturbed it takes CONTAINMENT_MS. */
  readonly containments: readonly number[];
  readonly overdueEvents: number;
  readonly drainedMs: number;
};

const DUE = "2027-01-04T03:00:00.000Z";
const START = "2027-01-04T02:00:00.000Z" as Instant;
const MINUTE_MS = 60_000;
const RECOVERS_MS = 20 * MINUTE_MS;
/** As functions/clock.ts has it. */
const DRAIN_MS = 750_000;
export const CONTAINMENT_MS = 1_200;
const BETWEEN_CONTAINMENTS_MS = 15_000;

/** One server with 200 logins, the others with four each. */
const serverOf = (n: number) => (n < 200 ? 0 : Math.floor(n / 4));
const idOf = (n: number) =>
  `arn:aws:secretsmanager:eu-central-1:111111111111:secret:estate/${n}-AbCdEf` as CredentialId;
const gone = (name: string) => Object.assign(new Error("no answer"), { name });

type Work = { readonly clock: Clock; readonly write: (id: string) => void; readonly roll: () => number };

/** Two writes somewhere within its time: 0.2 to 3 s, of 20 targets one takes 15 s. */
const rotate = async ({ clock, write, roll }: Work, id: string, server: number) => {
  const lasts = server % 20 === 7 ? 15_000 : 200 + 2_800 * roll() ** 3;
  const first = lasts * roll();
  await clock.sleep(first);
  write(id);
  await clock.sleep(lasts - first);
  write(id);
};

const world = (estate: Estate, clock: Clock) => {
  const roll = dice(estate.seed);
  const limit = writeLimit(clock);
  const since = (at = clock.now()) => clock.between(DUE as Instant, at);
  const writes: number[] = [];
  const rotated: Rotated[] = [];
  const made = new Map<CredentialId, Instant[]>();
  const write = (id: string) => {
    limit.write(id);
    writes.push(since());
  };
  const isDead = (server: number) => server % 1000 < estate.deadOf1000;
  const ledger = memoryLedger({ clock: memoryClock(DUE) });
  const events: string[] = [];
  const network = {
    async call(_: string, command: { readonly credential: CredentialId }) {
      const { credential: id } = command;
      const n = Number(/\/(\d+)-/.exec(id)?.[1]);
      const server = serverOf(n);
      if (isDead(server) && since() < RECOVERS_MS) {
        await clock.sleep(5_000);
        throw gone("Unreachable");
      }
      await rotate({ clock, write, roll }, id, server);
      made.set(id, [...(made.get(id) ?? [START]), clock.now()]);
      rotated.push({ id, at: since(), isDead: isDead(server) });
    },
  } as unknown as Network;
  const engine: ClockWorld = {
    timetable: memoryTimetable(),
    network,
    inventory: memoryInventory(),
    ledger: {
      append: async (event) => {
        events.push(event.type);
        return ledger.append(event);
      },
    },
    clock,
    freezes: [],
    versions: async (id) => ({ made: made.get(id) ?? [START] }),
    heldBy: async () => undefined,
    tell: async () => undefined,
  };
  return { engine, write, writes, rotated, limit, events };
};

const fill = async ({ timetable, clock }: ClockWorld, { credentials, spreadMs }: Estate) => {
  const timing = { keeper: "clock", schedule: "cron(0 3 ? * MON *)", spreadMs } as const;
  for (let n = 0; n < credentials; n += 1) {
    const target = `default/db:server-${serverOf(n)}:5432`;
    const given = { credential: idOf(n), name: `estate/${n}`, network: "default", target, timing };
    const due = enrolled(given, undefined, START, clock);
    if (due) await timetable.put(due);
  }
};

/** Contains something every 15 s, straight: no clock is asked. */
const contain = async (clock: Clock, write: (id: string) => void, isOver: () => boolean) => {
  const took: number[] = [];
  while (!isOver()) {
    await clock.sleep(BETWEEN_CONTAINMENTS_MS);
    const began = clock.ticks();
    write("contained");
    await clock.sleep(CONTAINMENT_MS);
    write("contained");
    took.push(clock.ticks() - began);
  }
  return took;
};

/** One estate whose schedules fall due, drained by ticks a minute apart as EventBridge Scheduler sends them. */
export const simulate = async (estate: Estate): Promise<Simulated> => {
  const { clock, run } = virtualClock(DUE);
  const { engine, write, writes, rotated, limit, events } = world(estate, clock);
  await fill(engine, estate);
  const isOver = () => rotated.length >= estate.credentials;
  const ticking = async () => {
    const ticks: Promise<unknown>[] = [];
    for (let n = 0; !isOver() && n < 600; n += 1) {
      ticks.push(tick(engine, { drainMs: DRAIN_MS, owner: `tick-${n}` }));
      await clock.sleep(MINUTE_MS);
    }
    await Promise.all(ticks);
  };
  const [containments] = await run(Promise.all([contain(clock, write, isOver), ticking()]));
  return {
    rotated,
    writes,
    limit: limit.seen(),
    containments,
    overdueEvents: events.filter((type) => type === "rotation.overdue").length,
    drainedMs: Math.max(...rotated.map(({ at }) => at)),
  };
};
