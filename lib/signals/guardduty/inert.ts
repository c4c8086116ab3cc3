import type { Finding } from "./schema.ts";

/**
 * Types that anyone on the internet can bring about without holding anything of the owner's. Acting on them would hand
 * outsiders a switch that turns workloads off.
 */
const PROVOKABLE: readonly RegExp[] = [
  /FailedLogin$/,
  /^Recon:EC2\/PortProbe/,
  /^Discovery:RDS\/(?:MaliciousIPCaller|TorIPCaller)$/,
  /:Kubernetes\/SuccessfulAnonymousAccess$/,
];

/** Guessing at passwords is anyone's to do to an instance; an instance of ours that does it to others is not. */
const GUESSED = /^UnauthorizedAccess:EC2\/(?:SSH|RDP)BruteForce$/;

/** True for types that outsiders can provoke, whoever passes the finding on. */
export const isProvokableType = (type: string): boolean => PROVOKABLE.some((pattern) => pattern.test(type));

/** True where outsiders can provoke the finding: by its type, or because it tells of a connection from outside. */
export const isProvokable = ({ type, service }: Finding): boolean =>
  isProvokableType(type) ||
  (GUESSED.test(type) && service.resourceRole !== "ACTOR") ||
  service.action?.actionType === "PORT_PROBE" ||
  service.action?.networkConnectionAction?.connectionDirection === "INBOUND";

const saysSample = (json: string): boolean => {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && "sample" in value && value.sample === true;
  } catch {
    return false;
  }
};

/** Made by CreateSampleFindings: `additionalInfo` says so, as a field or in the JSON text of `value`, or the title. */
export const isSample = ({ title, service: { additionalInfo } }: Finding): boolean =>
  additionalInfo?.sample === true ||
  additionalInfo?.sample === "true" ||
  saysSample(additionalInfo?.value ?? "") ||
  (title ?? "").startsWith("[SAMPLE]");
