/** The material was refused by its target. The only proof of death that Rekey accepts. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}

/** Something a person set is wrong: the message says what, which id and what to do, never material. */
export class Misconfigured extends Error {
  override readonly name = "Misconfigured";
}

/** The request contradicts the state it meets (stale token, version already current elsewhere). Retrying is useless. */
export class Conflict extends Error {
  override readonly name = "Conflict";
}

/** The target, or the way to it, did not answer: name resolution, routing, a refused or silent port. Says nothing about material. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

/** The target could not prove who it is. Never answered with a connection that does without proof. */
export class Untrusted extends Error {
  override readonly name = "Untrusted";
}

/** Rekey's own identity at the target may not do this: the message names the right that is missing. */
export class Forbidden extends Error {
  override readonly name = "Forbidden";
}

/** The target's own policy refused the new material: other material may pass. */
export class AgainstPolicy extends Error {
  override readonly name = "AgainstPolicy";
}

/** The target asked to come again later. */
export class Throttled extends Error {
  override readonly name = "Throttled";
}

/** Only a person can do it: the message says what, and what says that it was done. Coming again does not change that. */
export class AwaitingPerson extends Error {
  override readonly name = "AwaitingPerson";
}

/** What kind of failure it was. `auth` alone says something about material; `settings` is a person's to mend. */
export type Fault =
  | "unreachable"
  | "tls"
  | "auth"
  | "permission"
  | "policy"
  | "throttled"
  | "settings"
  | "person"
  | "conflict"
  | "other";

const FAULTS: Readonly<Record<string, Fault>> = {
  Unusable: "auth",
  Misconfigured: "settings",
  AwaitingPerson: "person",
  Conflict: "conflict",
  Unreachable: "unreachable",
  Untrusted: "tls",
  Forbidden: "permission",
  AgainstPolicy: "policy",
  Throttled: "throttled",
  ThrottlingException: "throttled",
  TooManyRequestsException: "throttled",
  AccessDenied: "permission",
  AccessDeniedException: "permission",
};

/** By name, which survives the way from one function to another. */
export const faultOf = (error: unknown): Fault => (error instanceof Error && FAULTS[error.name]) || "other";
