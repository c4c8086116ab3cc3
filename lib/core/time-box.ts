import type { Instant } from "./types.ts";

/** The shortest and the longest time box, in ms: five minutes, which IAM may take to settle, and ninety days. */
export const SHORTEST_BOX_MS = 300_000;
export const LONGEST_BOX_MS = 7_776_000_000;

/**
 * When time-boxed incidents end. A box is there from the claim of its incident on, in one write with it, until the
 * incident is undone: whatever dies in between is seen at the next look.
 */
export interface TimeBoxes {
  /** Incidents whose time is over and that are not undone yet, longest waiting first. */
  ended(now: Instant, limit: number): Promise<readonly string[]>;
  /** Has it looked at again then, unless its box is closed. */
  lookAgain(incident: string, at: Instant): Promise<void>;
  /** It is undone: nobody looks at it again. Closing what has no box is fine. */
  closeBox(incident: string): Promise<void>;
}
