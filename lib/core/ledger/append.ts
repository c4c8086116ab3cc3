import type { LifecycleEvent } from "../events.ts";
import type { Clock, Instant, Ledger, NotTaken, Taken } from "../types.ts";
import { encodeEntry } from "./entry.ts";
import { dayOf, macOf } from "./mac.ts";
import {
  type AppendKeys,
  type EventName,
  type Head,
  type Look,
  MOST_AT_ONCE,
  type Row,
  type StreamStore,
} from "./ports.ts";

export type AppendPorts = {
  readonly store: StreamStore;
  readonly keys: AppendKeys;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
};

/** Most between two attempts: a stream is one credential, so that contention is a handful of writers. */
const MAX_PAUSE_MS = 200;

/** Full jitter: a random part of a pause that doubles, so that writers in step fall out of step. */
const pauseMs = (attempt: number, random: (bytes: number) => Uint8Array): number =>
  (Math.min(MAX_PAUSE_MS, 4 * 2 ** attempt) * (random(1)[0] ?? 0)) / 255;

const latest = (a: Instant, b: Instant | undefined): Instant => (b !== undefined && b > a ? b : a);

/** `receivedAt` never falls within a stream, whatever the writers' clocks say: order by it is order by `seq`. */
const rowAfter = (head: Head | undefined, event: LifecycleEvent, now: Instant): Row => {
  const seq = (head?.seq ?? 0) + 1;
  const receivedAt = latest(now, head?.receivedAt);
  return {
    stream: event.stream,
    id: event.id,
    seq,
    receivedAt,
    body: encodeEntry(event, { seq, receivedAt }),
    ...(head === undefined ? {} : { before: head.last }),
  };
};

const keyOf = ({ stream, id }: EventName): string => JSON.stringify([stream, id]);

/** Each of one name once; the first wins. */
const distinct = (events: readonly LifecycleEvent[]): readonly LifecycleEvent[] => {
  const first = new Map<string, LifecycleEvent>();
  for (const event of events) if (!first.has(keyOf(event))) first.set(keyOf(event), event);
  return [...first.values()];
};

/** The rows of what is not stored yet: each after the one before it in its stream. */
const rowsAfter = ({ seqs, heads }: Look, events: readonly LifecycleEvent[], now: Instant): readonly Row[] => {
  const last = new Map(heads);
  const rows: Row[] = [];
  events.forEach((event, i) => {
    if (seqs[i] !== undefined) return;
    const row = rowAfter(last.get(event.stream), event, now);
    last.set(event.stream, { seq: row.seq, last: row.id, receivedAt: row.receivedAt });
    rows.push(row);
  });
  return rows;
};

/** Heads of the future keep their day, so that rows of one put may be of several. */
const authenticated = async (rows: readonly Row[], keys: AppendKeys, signal: AbortSignal): Promise<readonly Row[]> => {
  const byDay = new Map<string, Uint8Array>();
  for (const day of new Set(rows.map(({ receivedAt }) => dayOf(receivedAt))))
    byDay.set(day, await keys.of(day, signal));
  return rows.map((row) => ({ ...row, mac: macOf(row, byDay.get(dayOf(row.receivedAt)) as Uint8Array) }));
};

/**
 * Appends up to 49 events in one transaction, each once: the first of one id in a stream wins, later ones get its seq.
 * It retries until stored or until the signal aborts; aborted, they may or may not have been stored, and appending them
 * again is safe. Throws Unrecordable when an event cannot become an entry.
 */
export const appendTo =
  ({ store, keys, clock, random }: AppendPorts) =>
  async (given: readonly LifecycleEvent[], signal: AbortSignal): Promise<readonly Taken[]> => {
    const events = distinct(given);
    for (let attempt = 0; ; attempt += 1) {
      signal.throwIfAborted();
      // Asked for meanwhile: the first append of a process, and of a day, waits for the longer of the two.
      const [look] = await Promise.all([store.look(events, signal), keys.of(dayOf(clock.now()), signal)]);
      const rows = rowsAfter(look, events, clock.now());
      const isStored =
        rows.length === 0 || (await store.put(await authenticated(rows, keys, signal), signal)) === "stored";
      if (isStored) {
        const seqs = new Map(events.map((event, i) => [keyOf(event), look.seqs[i] ?? 0]));
        for (const row of rows) seqs.set(keyOf(row), row.seq);
        return given.map((event) => ({ seq: seqs.get(keyOf(event)) ?? 0 }));
      }
      await clock.sleep(pauseMs(attempt, random), signal);
    }
  };

/** Why it cannot become an entry; checked before any call, since the largest seq makes the longest entry. */
const refusal = (event: LifecycleEvent, { clock }: AppendPorts): NotTaken | undefined => {
  try {
    encodeEntry(event, { seq: Number.MAX_SAFE_INTEGER, receivedAt: clock.now() });
    return undefined;
  } catch (error) {
    return { error };
  }
};

/** Places of events, those of one stream together: a transaction then writes fewer heads. */
const byStream = (events: readonly LifecycleEvent[]): readonly number[] => {
  const places = new Map<string, number[]>();
  events.forEach(({ stream }, i) => {
    const some = places.get(stream);
    if (some) some.push(i);
    else places.set(stream, [i]);
  });
  return [...places.values()].flat();
};

/** Has one transaction done, in the time that it gives it. */
export type Transacting = (
  events: readonly LifecycleEvent[],
  transact: (signal: AbortSignal) => Promise<readonly Taken[]>,
) => Promise<readonly Taken[]>;

/** A ledger's two ways of appending. */
export const appenderOf = (ports: AppendPorts, within: Transacting): Pick<Ledger, "append" | "appendBatch"> => {
  const transact = appendTo(ports);
  const appendBatch = async (events: readonly LifecycleEvent[]): Promise<readonly (Taken | NotTaken)[]> => {
    const answers: (Taken | NotTaken | undefined)[] = events.map((event) => refusal(event, ports));
    const left = byStream(events).filter((i) => answers[i] === undefined);
    let failed: NotTaken | undefined;
    for (let from = 0; from < left.length; from += MOST_AT_ONCE) {
      const places = left.slice(from, from + MOST_AT_ONCE);
      const some = places.map((i) => events[i] as LifecycleEvent);
      const taken = failed
        ? []
        : await within(some, (signal) => transact(some, signal)).catch((error: unknown) => {
            failed = { error };
            return [];
          });
      places.forEach((place, i) => {
        answers[place] = taken[i] ?? failed;
      });
    }
    return answers as readonly (Taken | NotTaken)[];
  };
  return {
    appendBatch,
    append: async (event) => seqsOf(await appendBatch([event]))[0] as Taken,
  };
};

/** What was taken, where all was; throws the first reason why one was not. */
export const seqsOf = (answers: readonly (Taken | NotTaken)[]): readonly Taken[] =>
  answers.map((answer) => {
    if ("error" in answer) throw answer.error;
    return answer;
  });
