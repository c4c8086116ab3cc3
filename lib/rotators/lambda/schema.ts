import * as z from "zod/mini";
import { FunctionName } from "../shared/function-target.ts";

const Verbs = z.pipe(
  z._default(z.string(), ""),
  z.pipe(
    z.transform((text: string) => text.split(/\s+/).filter(Boolean)),
    z.array(z.enum(["restore", "sweep"])),
  ),
);

/** Loose: the function gets all of the secret's tags. */
export const Target = z.looseObject({
  function: FunctionName,
  /** What it changes: no two secrets of one function and resource change at a time. */
  resource: z.optional(z.string().check(z.regex(/^[\w.:/=+@-]{1,128}$/))),
  strategy: z._default(z.enum(["single", "overlap", "alternate"]), "single"),
  /** The optional verbs that the function has. */
  verbs: Verbs,
});
/** Whatever the function makes and its workload reads. */
export const Material = z.looseObject({});
export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
