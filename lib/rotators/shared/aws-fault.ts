import { Forbidden, Throttled, Unreachable, Untrusted } from "../../core/errors.ts";
import { described } from "../../core/sanitize.ts";

/** True for an AWS error of this code, whether or not the SDK gave it the suffix. */
export const isNamed = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.some((name) => error.name === name || error.name === `${name}Exception`);

/** Query services say Throttling, JSON services ThrottlingException: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html */
const BUSY = ["Throttling", "TooManyRequests", "RequestLimitExceeded", "LimitExceededRate"];
/** Of Node: nothing answered there. https://nodejs.org/api/errors.html#common-system-errors */
const SILENT = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;
const UNPROVEN = /^(CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

const codeOf = (error: Error): string => ("code" in error && typeof error.code === "string" ? error.code : "");

/** The same failure by its class: throttled, forbidden, unreachable, untrusted; anything else is returned as it is. */
export const classed = (error: unknown, what: string): unknown => {
  if (!(error instanceof Error)) return error;
  if (isNamed(error, ...BUSY)) return new Throttled(`${what}: AWS asks to come again later (${error.name}).`);
  if (isNamed(error, "AccessDenied")) return new Forbidden(`${what}: ${error.message}`);
  if (UNPROVEN.test(codeOf(error)))
    return new Untrusted(`${what}: the endpoint could not prove who it is (${codeOf(error)}).`);
  if (SILENT.test(codeOf(error)) || error.name === "TimeoutError") {
    return new Unreachable(
      `${what}: no answer (${codeOf(error) || error.name}). Check the function's way to the endpoint.`,
    );
  }
  return error;
};

/** The same, and what has no class becomes an Error that says what it was about. */
export const awsFailure = (what: string, error: unknown): Error => {
  const known = classed(error, what);
  if (known !== error && known instanceof Error) return known;
  const { name, message } = described(error);
  return name === "AbortError" ? (error as Error) : Object.assign(new Error(`${what}: ${message}`), { name });
};

/** Verbs whose failures say of what class they are. `what` names the credential's place, without secrets. */
export const withClasses = async <A>(what: string, work: () => Promise<A>): Promise<A> => {
  try {
    return await work();
  } catch (error) {
    throw classed(error, what);
  }
};
