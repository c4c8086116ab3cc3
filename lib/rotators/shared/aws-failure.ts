import { Unreachable } from "../../core/errors.ts";
import { described } from "../../core/sanitize.ts";

const AWAY = /^E(CONN|HOST|NET|TIMEDOUT|NOTFOUND|AI_|PIPE)/;

/** A failure of an AWS call that has no better name, with what it was about; Unreachable where nobody answered. */
export const awsFailure = (what: string, error: unknown): Error => {
  const { name, message, code = "" } = described(error);
  if (name === "AbortError") return error as Error;
  if (AWAY.test(code) || name === "TimeoutError")
    return new Unreachable(`${what} could not be asked: ${code || message}.`);
  return Object.assign(new Error(`${what}: ${message}`), { name });
};
