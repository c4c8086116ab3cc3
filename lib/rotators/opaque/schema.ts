import * as z from "zod/mini";
import { FunctionName } from "../shared/function-target.ts";

/** 16 bytes cannot be guessed; a secret holds 64 KiB. */
const [LEAST, MOST] = [16, 512];
const isEnough = (text: string) => /^\d{2,3}$/.test(text) && Number(text) >= LEAST && Number(text) <= MOST;

export const Target = z.object({
  /** What the value is for: no two secrets of one resource change at a time. */
  resource: z.string().check(z.regex(/^[\w.:/=+@-]{1,128}$/)),
  strategy: z._default(z.enum(["single", "overlap"]), "single"),
  encoding: z._default(z.enum(["hex", "base64url", "base64", "letters-digits"]), "base64url"),
  /** How much randomness it holds. */
  bytes: z._default(z.string().check(z.refine(isEnough)), "32"),
  /** Stands before it and does not change, such as `whsec_`. */
  prefix: z._default(z.string().check(z.regex(/^[\w.:=+@-]{0,32}$/)), ""),
  /** Puts it in force, tries and ends it. */
  function: z.optional(FunctionName),
  verbs: z.optional(z.enum(["restore"])),
});
export const Material = z.looseObject({ value: z.string().check(z.minLength(LEAST)) });
export type Target = z.infer<typeof Target>;
export type Material = z.infer<typeof Material>;
