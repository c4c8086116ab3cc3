import { described } from "../lib/core/sanitize.ts";
import type { Credential } from "../lib/core/types.ts";
import type { CliWorld } from "./world.ts";

type Mend = (functionName: string, credential: Credential) => string;

/** What Lambda answers where the function was not reached at all (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
const MENDS: Readonly<Record<string, Mend>> = {
  ResourceNotFoundException: (name, { network }) =>
    `There is no function ${name}: network ${network} is not deployed. Deploy it, or correct tag rekey:network.`,
  AccessDeniedException: (name) => `You may not invoke ${name}. Your role needs lambda:InvokeFunction on it.`,
  TooManyRequestsException: (name) => `${name} is busy. Come again, or lower --concurrency.`,
  "Sandbox.Timedout": (name) =>
    `${name} ran out of time. Its target or AWS is silent, as behind a firewall: check routes and security groups of the network.`,
  TimeoutError: (name) => `${name} did not answer within two minutes. \`rekey history\` tells what became of it.`,
};

/** Lambda reports its own time-out by message only. */
const nameOf = (error: unknown): string => {
  const { name, message } = described(error);
  return /Task timed out/.test(message) ? "Sandbox.Timedout" : name;
};

/** What was thrown on the way to a credential's rotate function, as a person needs it. */
export const complaintOf = (world: CliWorld, credential: Credential, error: unknown): string =>
  MENDS[nameOf(error)]?.(world.names.rotate(credential.network), credential) ?? described(error).message;

/** Whether the network's function was never reached, or never answered. */
export const isUnreached = (error: unknown): boolean => nameOf(error) in MENDS;
