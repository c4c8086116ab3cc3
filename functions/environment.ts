import { names } from "../lib/core/names.ts";

const required = (name: string): string => {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`Environment variable ${name} is not set. The stacks set it; deploy them again.`);
};

/** What the stacks tell every function. */
export const environment = () => {
  const prefix = process.env["REKEY_PREFIX"] ?? "rekey";
  const account = required("REKEY_ACCOUNT");
  const region = required("AWS_REGION");
  return {
    prefix,
    account,
    region,
    network: process.env["REKEY_NETWORK"] ?? "default",
    names: names(prefix),
    required,
  };
};

// Loaded by the first line that is logged, and not by the cold start: 8 ms that a containment need not wait for.
const load = async () => {
  const { Logger } = await import("@aws-lambda-powertools/logger");
  return new Logger({ serviceName: process.env["AWS_LAMBDA_FUNCTION_NAME"] ?? "rekey" });
};
let loading: ReturnType<typeof load> | undefined;
type Level = "info" | "warn" | "error" | "critical";

/** Structured logs. Events and replies are never logged whole: only ids, names and outcomes. */
export const log = async (level: Level, message: string, facts: Readonly<Record<string, unknown>> = {}) => {
  loading ??= load();
  // A failure's own text is called message too, a name that the logger keeps for itself.
  const { message: error, ...rest } = facts;
  (await loading)[level](message, { ...rest, ...(error !== undefined && { error }) });
};

/** Middy ends a function this many ms early, so that aborted work can still say so. */
export const END_EARLY_MS = 2_000;
