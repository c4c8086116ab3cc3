import * as z from "zod/mini";
import type { CredentialId, Instant, VersionId } from "./types.ts";

const SPAN = /^(\d{1,4}) (minute|hour|day)s?$/;
const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/**
 * Tag `rekey:retire`, when the version that a rotation replaced has to die: `adopted` (nobody uses it any more), a span
 * such as `24 hours` after the rotation, or `next` (by the next rotation, as Secrets Manager's own rotation does).
 */
export const RetirePolicy = z.pipe(
  z._default(z.string().check(z.regex(/^(adopted|next|\d{1,4} (minute|hour|day)s?)$/)), "adopted"),
  z.transform((text): { readonly whenAdopted: boolean; readonly afterMs: number | null } => {
    const [, count = "", unit = ""] = SPAN.exec(text) ?? [];
    if (unit) return { whenAdopted: false, afterMs: Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS] };
    return { whenAdopted: text === "adopted", afterMs: null };
  }),
);
export type RetirePolicy = z.infer<typeof RetirePolicy>;

/** A version on its way out: it stays on the list until it was tried and refused. */
export type Retiring = {
  readonly credential: CredentialId;
  readonly network: string;
  readonly version: VersionId;
  /** When its successor took over; sessions begun later are the successor's. */
  readonly since: Instant;
  readonly whenAdopted: boolean;
  /** Not looked at before. */
  readonly dueAt: Instant;
  readonly attempts: number;
  /** Why it is still there, since the last look. */
  readonly why?: string;
};

/**
 * Whether the list is the one that was written, and not a backup of it: `same`, or `restored` when the table behind it
 * is another than at the first look.
 */
export interface Fence {
  look(): Promise<"same" | "restored">;
  /** From now on the table is the one that is meant. */
  accept(): Promise<void>;
}

/** The must-die list. Adding twice is adding once: the first `since` counts. */
export interface RetireList {
  add(entry: Retiring): Promise<void>;
  /** Up to `limit` whose time has come, longest due first. */
  due(now: Instant, limit: number): Promise<readonly Retiring[]>;
  /** All of them, longest due first. */
  all(): Promise<readonly Retiring[]>;
  postpone(entry: Retiring, dueAt: Instant, why: string): Promise<void>;
  strike(entry: Pick<Retiring, "credential" | "version">): Promise<void>;
}

/** Before this nothing is looked at, in ms: consumers are told of a rotation, and need a moment to read the secret again. */
const GRACE_MS = 15 * 60_000;

/** How long after its successor took over a version is looked at first, in ms; null when no list is needed for it. */
export const firstLookMs = ({ whenAdopted, afterMs }: RetirePolicy): number | null => {
  if (afterMs !== null) return afterMs;
  return whenAdopted ? GRACE_MS : null;
};

const SOONEST_MS = 5 * 60_000;
const LATEST_MS = 6 * 3_600_000;

/** When to look again after so many looks that left it alive, in ms: twice as late each time, up to 6 hours. */
export const againMs = (attempts: number): number => Math.min(SOONEST_MS * 2 ** Math.min(attempts, 10), LATEST_MS);
