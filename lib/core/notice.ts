import * as z from "zod/mini";

/** What people are told of. */
export const MOMENTS = [
  "noticed",
  "proposed",
  "escalated",
  "denied",
  "expired",
  "contained",
  "held",
  "restored",
  "failed",
  "stalled",
  "overdue",
  "asked",
] as const;
export type Moment = (typeof MOMENTS)[number];

/**
 * That something happened which people are told of: no more than where to look it up, so that what they are told is
 * what holds when they are told.
 */
export const Notice = z.object({
  moment: z.enum(MOMENTS),
  /** An incident's id, which is its proposal's too; of `stalled` and `overdue` the credential, of `asked` either, of `noticed` the signal. */
  subject: z.string(),
  /** The same for whatever need not be told twice. */
  key: z.string(),
  /** Which of the config's notifiers hear it, where no incident says so; absent: all. */
  to: z.optional(z.array(z.string())),
});
export type Notice = z.infer<typeof Notice>;

/** Has people told. Never throws: that nobody could be told changes nothing about what is done. */
export type Tell = (notice: Notice) => Promise<void>;
