import type { IAMClient } from "@aws-sdk/client-iam";
import { Misconfigured } from "../../core/errors.ts";
import type { Finding } from "../../core/types.ts";
import { owned } from "./iam-user.ts";

/** Whether Rekey may manage the user's credentials, and what to do if not. */
export const ownershipFinding = async (iam: IAMClient, user: string, signal: AbortSignal): Promise<Finding> => {
  const check = "ownership";
  try {
    const { by } = await owned(iam, user, signal);
    return { check, verdict: "well", found: `Rekey may manage IAM user ${user}, by ${by}.` };
  } catch (error) {
    if (!(error instanceof Misconfigured)) throw error;
    const [found = "", ...mend] = error.message.split(/(?<=\.) /);
    return { check, verdict: "ill", found, mend: mend.join(" ") };
  }
};

type Slot = { readonly id: string; readonly status: string | undefined };

/** Whether there is room for the next one beside the current one. `slots` is how many there are. */
export const slotsFinding = (slots: number, listed: readonly Slot[], current: string | undefined): Finding => {
  const check = "slots";
  const others = listed.filter(({ id }) => id !== current);
  const taken = `${listed.length} of ${slots} slots are taken`;
  if (listed.length < slots || others.length === 0) return { check, verdict: "well", found: `${taken}.` };
  const names = others.map(({ id, status }) => `${id} (${status})`).join(" and ");
  return {
    check,
    verdict: "unknown",
    found: `${taken}, one by ${names}. A rotation takes its place if it is this secret's previous version, and stops otherwise.`,
  };
};

/** Whether IAM lists the current one as active. */
export const standingFinding = (listed: readonly Slot[], current: string): Finding => {
  const check = "current version";
  const status = listed.find(({ id }) => id === current)?.status;
  if (status === "Active") return { check, verdict: "well", found: `IAM lists ${current} as active.` };
  return { check, verdict: "ill", found: `IAM lists ${current} as ${status ?? "deleted"}.`, mend: "Rotate it." };
};
