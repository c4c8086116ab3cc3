import type { LifecycleEvent } from "../events.ts";
import type { Clock, Instant } from "../types.ts";
import { encodeEntry } from "./entry.ts";
import { dayOf, macOf } from "./mac.ts";
import type { AppendKeys, Head, Row, StreamStore } from "./ports.ts";

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

/**
 * Appends an event once: the first of one id in a stream wins, later ones get its seq. It retries until stored
 * or until the signal aborts; aborted, it may or may not have been stored, and appending it again is safe.
 * Throws Unrecordable when the event cannot become an entry.
 */
export const appendTo =
  ({ store, keys, clock, random }: AppendPorts) =>
  async (event: LifecycleEvent, signal: AbortSignal): Promise<{ readonly seq: number }> => {
    // Checked before any call: the largest seq makes the longest entry.
    encodeEntry(event, { seq: Number.MAX_SAFE_INTEGER, receivedAt: clock.now() });
    for (let attempt = 0; ; attempt += 1) {
      signal.throwIfAborted();
      // Asked for meanwhile: the first append of a process, and of a day, waits for the longer of the two.
      const [{ seq, head }] = await Promise.all([store.look(event, signal), keys.of(dayOf(clock.now()), signal)]);
      if (seq !== undefined) return { seq };
      const row = rowAfter(head, event, clock.now());
      const mac = macOf(row, await keys.of(dayOf(row.receivedAt), signal));
      if ((await store.put({ ...row, mac }, signal)) === "stored") return { seq: row.seq };
      await clock.sleep(pauseMs(attempt, random), signal);
    }
  };
