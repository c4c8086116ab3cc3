import type { UserPoolType } from "@aws-sdk/client-cognito-identity-provider";
import { Misconfigured, Unreachable } from "../../core/errors.ts";
import type { Finding } from "../../core/types.ts";
import { classed } from "../shared/aws-fault.ts";
import { type At, list, placeholderOf, poolOf, SLOTS } from "./pool.ts";
import { isAccepted } from "./probe.ts";
import type { Material } from "./schema.ts";

const ill = (check: string, error: Misconfigured): Finding => {
  const [found = "", ...mend] = error.message.split(/(?<=\.) /);
  return { check, verdict: "ill", found, mend: mend.join(" ") };
};

const tried = async (at: At, pool: UserPoolType, current: Material): Promise<Finding> => {
  const check = "trial";
  try {
    if (await isAccepted(at, pool, current))
      return { check, verdict: "well", found: "Cognito takes the current secret." };
    return { check, verdict: "ill", found: "Cognito refuses the current secret.", mend: "Rotate it." };
  } catch (thrown) {
    const error = classed(thrown, "The revocation endpoint");
    if (error instanceof Misconfigured) return ill(check, error);
    if (!(error instanceof Unreachable)) throw error;
    return {
      check,
      verdict: "ill",
      found: error.message,
      mend: "Let the rotate function reach the user pool's domain: it is a public endpoint, so its subnet needs a NAT gateway.",
    };
  }
};

const slots = async (at: At, pool: UserPoolType): Promise<Finding> => {
  const listed = await list(at);
  const locked = listed.some(({ id }) => id === placeholderOf(at, pool));
  const found = `${listed.length} of ${SLOTS} slots are taken${locked ? ", one by a revoke's placeholder" : ""}.`;
  return {
    check: "slots",
    verdict: listed.length === 0 ? "ill" : "well",
    found,
    ...(listed.length === 0 && { mend: "A client without a secret cannot get one. Create a confidential client." }),
  };
};

/** What a rotation and a revoke would meet. Reads, and tries the current secret. */
export const inspectAt = async (at: At, current: Material | undefined): Promise<readonly Finding[]> => {
  try {
    const pool = await poolOf(at);
    const owner: Finding = {
      check: "ownership",
      verdict: "well",
      found: `Rekey may look at user pool ${at.target.userPool}.`,
    };
    const rest = current ? [await tried(at, pool, current)] : [];
    return [owner, await slots(at, pool), ...rest];
  } catch (error) {
    if (error instanceof Misconfigured) return [ill("ownership", error)];
    throw error;
  }
};
