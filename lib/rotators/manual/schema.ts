import * as z from "zod/mini";

export const Target = z.object({
  /** Whose it is, such as `stripe`. */
  provider: z.string().check(z.regex(/^[a-z][a-z0-9-]{1,39}$/)),
  /** Which of the provider's: no two secrets of one change at a time. */
  resource: z.string().check(z.regex(/^[\w.-]{1,64}$/)),
  /** Where it is written how to replace it. */
  runbook: z.optional(z.string().check(z.regex(/^https:\/\/\S{1,240}$/))),
});
/** As its workload reads it; at least one field. */
export const Material = z.record(z.string(), z.unknown()).check(z.refine((all) => Object.keys(all).length > 0));
export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
