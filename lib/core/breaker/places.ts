import type { Breaker, Playbook } from "../playbook.ts";
import type { Clock, Instant } from "../types.ts";

/** Who holds one place, and since when. */
export type Place = { readonly holder: string; readonly since: Instant };

/** So many places; each is free again so long after it was taken. */
export type Limit = { readonly places: number; readonly withinMs: number };

/**
 * Places under a key, of which each is held for a window of time. Since a place is never given away before its window
 * has passed, no window of that length, wherever it begins, sees more holders than there are places.
 */
export interface Places {
  /** True when the holder has a place, now or already; false while others hold all of them. Twice is once. */
  take(key: string, holder: string, limit: Limit, now: Instant): Promise<boolean>;
}

/** Where the search begins: spread over the places, so that holders who come at once do not meet. */
export const firstOf = (holder: string, places: number): number =>
  [...holder].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 65_521, 7) % places;

/** Where a holder goes, given who holds which place: its own, else a free one, else undefined. */
export const placeFor = (
  taken: ReadonlyMap<number, Place>,
  holder: string,
  limit: Limit,
  freeBefore: Instant,
): number | "held" | undefined => {
  const all = Array.from({ length: limit.places }, (_, i) => (firstOf(holder, limit.places) + i) % limit.places);
  const held = ({ since }: Place) => since > freeBefore;
  const isMine = [...taken].some(([at, place]) => at < limit.places && place.holder === holder && held(place));
  if (isMine) return "held";
  return all.find((at) => {
    const place = taken.get(at);
    return !place || !held(place);
  });
};

/** Places taken at or before this are free. */
export const freeBefore = (now: Instant, { withinMs }: Limit, clock: Pick<Clock, "after">): Instant =>
  clock.after(now, -withinMs);

const MINUTE_MS = 60_000;

/** The keys and limits of a playbook's breakers for one containment. */
export const breakersOf = (
  { name, breakers = [] }: Pick<Playbook, "name" | "breakers">,
  account: string,
  targets: readonly string[],
): readonly { readonly key: string; readonly limit: Limit; readonly breaker: Breaker; readonly what: string }[] =>
  breakers.flatMap((breaker) => {
    const { per, containments, withinMinutes } = breaker;
    const limit = { places: containments, withinMs: withinMinutes * MINUTE_MS };
    const whats = per === "target" ? targets : [per === "account" ? account : name];
    return whats.map((what) => ({ key: `breaker#${name}#${per}#${what}`, limit, breaker, what }));
  });

/**
 * The keys and limits by which a quorum is counted: n signals are there when the other n - 1 hold all places.
 * Undefined for a playbook without one.
 */
export const quorumOf = (
  { name, when: { quorum } }: Pick<Playbook, "name" | "when">,
  targets: readonly string[],
): readonly { readonly key: string; readonly limit: Limit }[] =>
  quorum
    ? targets.map((target) => ({
        key: `quorum#${name}#${target}`,
        limit: { places: quorum.signals - 1, withinMs: quorum.withinMinutes * MINUTE_MS },
      }))
    : [];
