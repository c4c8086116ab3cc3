import type { Scenario } from "../../core/types.ts";
import { textOf } from "./record.ts";
import { ATTACH, BLIND, CREATE, LOOSEN } from "./rule.ts";

type Call = { readonly eventName: string; readonly requestParameters?: unknown };
type Parameters = Readonly<Record<string, unknown>>;

/** One thing that a call can mean. */
export type Meaning = {
  readonly name: string;
  readonly scenario: Scenario;
  readonly severity: number;
  readonly because: string;
};

export const QUARANTINED: Meaning = {
  name: "Quarantine/CompromisedKey",
  scenario: "exfiltrated",
  severity: 90,
  because:
    "AWS attaches AWSCompromisedKeyQuarantine to a user whose key it found; it stops fraud, not the reading of secrets",
};
export const CREATED: Meaning = {
  name: "Persistence/CredentialCreated",
  scenario: "exfiltrated",
  severity: 30,
  because: "whoever holds a stolen credential makes another; on its own this is everyday work, so it is recorded",
};
export const LOOSENED: Meaning = {
  name: "Persistence/ContainmentLoosened",
  scenario: "exfiltrated",
  severity: 30,
  because:
    "a policy that may have been a containment was taken off; on its own this is everyday work, so it is recorded",
};
export const BLINDED: Meaning = {
  name: "DefenseEvasion/DetectorDisabled",
  scenario: "compromised",
  severity: 60,
  because: "a detector was turned off; administrators do that too, so the shipped playbooks record it",
};

const QUARANTINE = /AWSCompromisedKeyQuarantine(?:V\d+)?$/;

const parametersOf = ({ requestParameters: given }: Call): Parameters =>
  typeof given === "object" && given !== null ? (given as Parameters) : {};

const isQuarantine = (call: Call) => {
  const { policyArn, policyName } = parametersOf(call);
  return QUARANTINE.test(textOf(policyArn) ?? textOf(policyName) ?? "");
};

/** A key that is made inactive and a detector that stays on are none of these. */
const isOff = (call: Call): boolean => {
  const { enable, status } = parametersOf(call);
  if (call.eventName === "UpdateDetector") return enable === false;
  return call.eventName !== "UpdateAccessKey" || status === "Active";
};

const includes = (list: readonly string[], name: string) => list.includes(name);

/** What a call means; undefined for one that is not watched. */
export const meaningOf = (call: Call): Meaning | undefined => {
  const { eventName } = call;
  if (includes(ATTACH, eventName)) return isQuarantine(call) ? QUARANTINED : undefined;
  if (!isOff(call)) return undefined;
  if (includes(CREATE, eventName)) return CREATED;
  if (includes(LOOSEN, eventName)) return LOOSENED;
  return includes(BLIND, eventName) ? BLINDED : undefined;
};
