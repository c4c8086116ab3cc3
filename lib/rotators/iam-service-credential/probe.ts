import { IAMClient } from "@aws-sdk/client-iam";
import { Forbidden, Misconfigured, Unusable } from "../../core/errors.ts";
import type { Deps } from "../../core/types.ts";
import { untilAcceptedInARow } from "../shared/accepted.ts";
import { isNamed } from "../shared/aws-fault.ts";
import { bedrock } from "./bedrock.ts";
import { codecommit } from "./codecommit.ts";
import { list } from "./credentials.ts";
import type { Material, Target } from "./schema.ts";

export type Trial = { readonly material: Material; readonly target: Target; readonly signal: AbortSignal };
/** `denied`: the service knows who it is and forbids the call. `said` holds no material. */
export type Answer =
  | { readonly verdict: "accepted" }
  | { readonly verdict: "refused" | "denied"; readonly said: string };

const PROBES: Record<Target["service"], (deps: Deps, trial: Trial) => Promise<Answer>> = {
  "bedrock.amazonaws.com": bedrock,
  "codecommit.amazonaws.com": codecommit,
};

/** Uses the credential at its service, once. */
export const attempt = (deps: Deps, trial: Trial): Promise<Answer> => PROBES[trial.target.service](deps, trial);

const statusOf = async (deps: Deps, { material, target, signal }: Trial) => {
  try {
    const all = await list({ iam: deps.aws(IAMClient), target, signal });
    return all.find(({ id }) => id === material.serviceSpecificCredentialId)?.status ?? "deleted";
  } catch (error) {
    if (isNamed(error, "NoSuchEntity")) return "deleted";
    throw error;
  }
};

const named = ({ material, target }: Trial) =>
  `Credential ${material.serviceSpecificCredentialId} of IAM user ${target.user} for ${target.service}`;

const denied = (trial: Trial, said: string) =>
  new Forbidden(
    `${named(trial)} authenticates but may not make the call that it is tried with: ${said}. Allow the user bedrock:CallWithBearerToken and bedrock:ListFoundationModels.`,
  );

/**
 * Resolves when the service takes the credential. Throws Unusable only if the service refuses it *and* IAM lists it as
 * inactive, expired or not at all: a service refuses a living one too, in another region, or before it has heard of it.
 */
export const authenticate = async (deps: Deps, trial: Trial): Promise<void> => {
  const answer = await attempt(deps, trial);
  if (answer.verdict === "accepted") return;
  if (answer.verdict === "denied") throw denied(trial, answer.said);
  const status = await statusOf(deps, trial);
  if (status !== "Active")
    throw new Unusable(`${named(trial)} was refused (${answer.said}); IAM lists it as ${status}.`);
  throw new Misconfigured(
    `${named(trial)} was refused (${answer.said}), though IAM lists it as active. If it was reset, rotate it; else check that the network's region and tag rekey:repository are where it is used.`,
  );
};

/** Waits until a new credential is accepted three times in a row, for a minute at most. */
export const untilAccepted = (deps: Deps, trial: Trial): Promise<void> =>
  untilAcceptedInARow(deps.clock, trial.signal, async () => {
    const answer = await attempt(deps, trial);
    if (answer.verdict === "denied") throw denied(trial, answer.said);
    if (answer.verdict === "accepted") return undefined;
    return new Misconfigured(
      `${named(trial)} is new and still refused after a minute (${answer.said}). Rotate it again.`,
    );
  });
