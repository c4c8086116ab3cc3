import { Logger } from "@aws-lambda-powertools/logger";
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

/** Structured logs. Events and replies are never logged whole: only ids, names and outcomes. */
export const logger = new Logger({ serviceName: process.env["AWS_LAMBDA_FUNCTION_NAME"] ?? "rekey" });

/** Middy ends a function this many ms early, so that aborted work can still say so. */
export const END_EARLY_MS = 2_000;
