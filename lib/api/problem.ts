import * as z from "zod/mini";

/** RFC 9457, with what mends it as a member of our own. */
export const ProblemBody = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  mend: z.optional(z.string()),
});
export type ProblemBody = z.infer<typeof ProblemBody>;

const TITLES = {
  400: ["malformed", "The request is malformed"],
  401: ["unknown-caller", "Nobody is known to call"],
  403: ["forbidden", "The caller may not do this"],
  404: ["not-found", "There is no such thing"],
  409: ["conflict", "It contradicts how things are"],
  413: ["too-large", "It is too large"],
  422: ["refused", "It cannot be done as it was asked for"],
  429: ["throttled", "Too much at once"],
  500: ["failed", "It failed"],
  503: ["unreachable", "What it needs did not answer"],
} as const;
export type ProblemStatus = keyof typeof TITLES;

/** An answer that is no success: which thing, and what mends it. Never material. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: ProblemStatus;
  readonly mend: string | undefined;
  constructor(status: ProblemStatus, detail: string, mend?: string) {
    super(detail);
    this.status = status;
    this.mend = mend;
  }
}

export const problemBody = ({ status, message, mend }: Problem): ProblemBody => {
  const [type, title] = TITLES[status];
  return { type: `urn:rekey:problem:${type}`, title, status, detail: message, ...(mend !== undefined && { mend }) };
};

const STATUS: Readonly<Record<string, ProblemStatus>> = {
  Conflict: 409,
  Forbidden: 403,
  Misconfigured: 422,
  Throttled: 429,
  Unreachable: 503,
};

/** By name, which survives the way from one function to another. What nobody foresaw says nothing of itself. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof Problem) return error;
  const status = error instanceof Error ? STATUS[error.name] : undefined;
  if (status !== undefined && error instanceof Error) return new Problem(status, error.message);
  return new Problem(500, "The request failed.", "Try again; the log of rekey-api says what happened.");
};
