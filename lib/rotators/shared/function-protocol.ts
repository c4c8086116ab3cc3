import * as z from "zod/mini";

/** What a function is asked. One object per verb; a verb or field that it does not know is one of a later Rekey. */
const material = z.record(z.string(), z.unknown());
const target = z.record(z.string(), z.string());
const perhaps = z.nullable(material);
const undo = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

/** Sent to the function as the payload of a synchronous invocation. */
export const Question = z.discriminatedUnion("verb", [
  z.object({ verb: z.literal("issue"), target, current: perhaps, previous: perhaps }),
  z.object({ verb: z.literal("install"), target, next: material, current: perhaps }),
  z.object({ verb: z.literal("verify"), target, material }),
  z.object({
    verb: z.literal("revoke"),
    target,
    material,
    keep: z.array(material),
    begunBefore: z.nullable(z.string()),
  }),
  z.object({ verb: z.literal("restore"), target, material, undo }),
  z.object({ verb: z.literal("sweep"), target, keep: z.array(material) }),
]);
export type Question = z.infer<typeof Question>;
export type Verb = Question["verb"];

/** The names of lib/core/errors.ts that a function may answer with. */
const FAILURES = [
  "Unusable",
  "Misconfigured",
  "Conflict",
  "Unreachable",
  "Untrusted",
  "Forbidden",
  "AgainstPolicy",
  "Throttled",
] as const;
/** The hold waits as long as `settlesInMs` says, so a slip of the pen must not hold for ever. */
const A_DAY_MS = 86_400_000;
const Ms = z.number().check(z.gte(0), z.lte(A_DAY_MS));
const done = <V extends Verb>(verb: V) => z.strictObject({ done: z.literal(verb) });

/** What it answers: the verb that is done, or by name why not. */
export const Answer = z.union([
  z.strictObject({ done: z.literal("issue"), material }),
  done("install"),
  done("verify"),
  z.strictObject({
    done: z.literal("revoke"),
    undo: z.optional(undo),
    sessionsEnded: z.optional(z.int().check(z.gte(0))),
    settlesInMs: z.optional(Ms),
  }),
  done("restore"),
  done("sweep"),
  z.strictObject({ failed: z.enum(FAILURES), message: z.string() }),
]);
export type Answer = z.infer<typeof Answer>;
export type Failure = Extract<Answer, { failed: string }>;
export type Done<V extends Verb> = Extract<Answer, { done: V }>;
