import { toBytes } from "../core/ledger/bytes.ts";
import { decodeEntry } from "../core/ledger/entry.ts";
import { dayOf, hasDay, isAppended } from "../core/ledger/mac.ts";
import type { AppendKeys, EventName, Inbox, Row } from "../core/ledger/ports.ts";
import type { Clock } from "../core/types.ts";
import type { MacRule } from "./mac-rule.ts";

/** A stream that waits, at the event where somebody wrote or deleted by hand. */
export type Parked = EventName & { readonly seq: number; readonly why: string };
export type Choice = { readonly rows: readonly Row[]; readonly parked: readonly Parked[] };

export type ChoosePorts = {
  readonly inbox: Inbox;
  readonly keys: AppendKeys;
  readonly macsFrom: MacRule;
  readonly clock: Clock;
};

const saysItsKey = (row: Row): boolean => {
  try {
    const event = decodeEntry(toBytes(row.body));
    return event.stream === row.stream && event.id === row.id && event.seq === row.seq;
  } catch {
    return false;
  }
};

const byArrival = (a: Row, b: Row): number =>
  a.receivedAt === b.receivedAt ? a.seq - b.seq : a.receivedAt < b.receivedAt ? -1 : 1;

/** Why a row must not be sealed; undefined when it is what was appended. */
type Judge = (row: Row) => string | undefined;

const judgeOf = async (
  { keys, macsFrom, clock }: ChoosePorts,
  rows: readonly Row[],
  isNew: boolean,
  signal: AbortSignal,
): Promise<Judge> => {
  // By the sealer's clock: a row that says it is old is not believed.
  const mayLack = clock.now() < (await macsFrom(isNew, signal));
  const days = [...new Set(rows.filter((row) => row.mac !== undefined && hasDay(row)).map((r) => dayOf(r.receivedAt)))];
  const byDay = new Map(await Promise.all(days.map(async (day) => [day, await keys.of(day, signal)] as const)));
  return (row) => {
    if (!saysItsKey(row)) return "its body does not say what its key says";
    if (row.mac === undefined) return mayLack ? undefined : "it has no MAC: no function of Rekey's appended it";
    const key = byDay.get(dayOf(row.receivedAt));
    return key && isAppended(row, key) ? undefined : "its MAC does not fit: it is not what was appended";
  };
};

/** The first of each stream that waits behind a gap. */
const behindGaps = (fresh: readonly Row[], last: ReadonlyMap<string, number>, parked: ReadonlyMap<string, Parked>) => {
  const first = new Map<string, Row>();
  for (const row of fresh) {
    if (parked.has(row.stream) || row.seq <= (last.get(row.stream) ?? 0) + 1) continue;
    const lowest = first.get(row.stream);
    if (lowest === undefined || row.seq < lowest.seq) first.set(row.stream, row);
  }
  return [...first.values()].filter((row) => row.before !== undefined);
};

/** A gap is the index's lag, unless the event that the later one names as the one before it is not there at all. */
const deleted = async (
  { inbox }: ChoosePorts,
  waiting: readonly Row[],
  signal: AbortSignal,
): Promise<readonly Parked[]> => {
  if (waiting.length === 0) return [];
  const names = waiting.map(({ stream, before = "" }) => ({ stream, id: before }));
  const there = new Set((await inbox.read(names, signal)).map(({ stream, id }) => JSON.stringify([stream, id])));
  return waiting
    .filter(({ stream, before }) => !there.has(JSON.stringify([stream, before])))
    .map(({ stream, id, seq, before }) => ({ stream, id, seq, why: `event ${before}, which came before it, is gone` }));
};

/**
 * The next events of each stream without a gap: the index may lag, and what comes after a gap waits for it to close.
 * A stream in which somebody wrote beside the appenders waits from there on, until the event is as it was.
 */
export const choose = async (
  ports: ChoosePorts,
  limit: number,
  isNew: boolean,
  signal: AbortSignal,
): Promise<Choice> => {
  const { inbox } = ports;
  const waiting = await inbox.read(await inbox.pending(limit, signal), signal);
  const fresh = waiting.filter((row) => row.index === undefined).sort(byArrival);
  const sealed = await inbox.sealedSeqs([...new Set(fresh.map((row) => row.stream))], signal);
  const wrong = await judgeOf(ports, fresh, isNew, signal);
  const last = new Map(sealed);
  const parked = new Map<string, Parked>();
  const rows = fresh.filter((row) => {
    const { stream, id, seq } = row;
    if (parked.has(stream) || seq !== (last.get(stream) ?? 0) + 1) return false;
    const why = wrong(row);
    if (why === undefined) last.set(stream, seq);
    else parked.set(stream, { stream, id, seq, why });
    return why === undefined;
  });
  const gone = await deleted(ports, behindGaps(fresh, last, parked), signal);
  return { rows, parked: [...parked.values(), ...gone] };
};
