import type { Actor, LifecycleEvent } from "./events.ts";
import type { Clock, Identifier, Instant } from "./types.ts";

/** A user that may do nothing, and the secret of its one key. */
export interface Canary {
  /** Takes away every key and inline policy of the user: what a drill, or its containment, has left. */
  clear(): Promise<void>;
  /** Makes the one key, stores it as the secret's current version, and answers its id. */
  arm(): Promise<string>;
  /** Asks STS with the key who it is, as whoever holds it would. `doubt`: no answer that says anything about it. */
  tries(): Promise<"works" | "refused" | "doubt">;
}

/** What a drill has shown. Times in milliseconds, null where it did not get there. */
export type Drilled = {
  readonly drill: string;
  /** Its canary's key was refused, as whoever holds it sees it. */
  readonly contained: boolean;
  /** How fast it should be, from the signal to the first refusal. */
  readonly withinMs: number;
  readonly signalToRefusedMs: number | null;
  readonly signalToReceivedMs: number | null;
  readonly receivedToRefusedMs: number | null;
  readonly receivedToVerifiedMs: number | null;
  readonly incident: string | null;
  /** Why it was not contained; null where it was. */
  readonly why: string | null;
};

/** Contained, and as fast as it should be. */
export const isReady = ({ contained, signalToRefusedMs, withinMs }: Drilled): boolean =>
  contained && signalToRefusedMs !== null && signalToRefusedMs <= withinMs;

/** A signal like any other: the key of the canary is used by somebody else. */
export const drillSignal = (drill: string, keyId: string, at: Instant) => ({
  id: drill,
  type: "Rekey:Drill",
  scenario: "compromised" as const,
  severity: 95,
  activityAt: at,
  subjects: [`aws-key:${keyId}` satisfies Identifier],
  text: "a drill: this key is a canary and opens nothing",
});

export const drillEvent = (clock: Pick<Clock, "now">, actor: Actor, told: Drilled): LifecycleEvent => ({
  id: `${told.drill}:completed`,
  stream: "drills",
  type: "drill.completed",
  at: clock.now(),
  actor,
  data: told,
});
