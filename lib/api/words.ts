import * as z from "zod/mini";
import type { CredentialId, Instant } from "../core/types.ts";
import { Problem } from "./problem.ts";

export const instant = z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
const arn = z.string().check(z.regex(/^arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@!-]{1,540}$/));
/** ARN of its secret. */
export const credential = arn as unknown as z.ZodMiniType<CredentialId, string>;
export const reason = z.string().check(z.minLength(1), z.maxLength(280));
/** A day, or a moment with its zone. */
const moment = z.string().check(z.regex(/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/));
export const When = { asOf: z.optional(moment) };
export const hash = z.string().check(z.regex(/^[0-9a-f]{64}$/));

export const Actor = z.object({ kind: z.string(), principal: z.string() });
export const AsOf = z.object({
  origin: z.string(),
  size: z.int(),
  root: z.string(),
  at: z.string(),
  before: z.optional(z.int()),
});
/** Of how much of the log an answer from the projection is; null before anything was sealed. */
export const Mark = z.nullable(z.object({ size: z.int(), root: z.string(), at: z.string(), signed: z.int() }));
const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export const Row = z.record(z.string(), Cell);
export const Event = z.object({
  index: z.int(),
  seq: z.int(),
  id: z.string(),
  stream: z.string(),
  type: z.string(),
  at: z.string(),
  receivedAt: z.string(),
  actor: Actor,
  reason: z.optional(z.string()),
  data: z.record(z.string(), z.unknown()),
});

export const msOf = (at: string): number => Date.parse(at);

/** Throws Problem for what is no date or has not come yet. */
export const momentOf = (given: string | undefined, now: Instant): Instant | undefined => {
  if (given === undefined) return undefined;
  const ms = msOf(given);
  if (Number.isNaN(ms)) throw new Problem(400, `asOf ${given} is no date`, "Such as 2026-11-20T08:00:00Z.");
  if (ms > msOf(now)) throw new Problem(400, `asOf ${given} has not come yet`, "Leave it out for the newest.");
  return new Date(ms).toISOString() as Instant;
};

export const missing = (what: string, id: string, where: string): Problem =>
  new Problem(404, `There is no ${what} ${id}.`, `${where} lists those there are.`);
