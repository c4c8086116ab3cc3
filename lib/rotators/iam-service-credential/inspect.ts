import type { Finding, Instant } from "../../core/types.ts";
import { ownershipFinding, slotsFinding, standingFinding } from "../shared/iam-findings.ts";
import { type At, type Listed, list, SLOTS } from "./credentials.ts";
import type { Answer } from "./probe.ts";

const SOON_MS = 7 * 24 * 3_600_000;

const expiry = (current: Listed | undefined, now: Instant): readonly Finding[] => {
  if (!current?.expiresAt) return [];
  const found = `IAM lets it expire at ${current.expiresAt.toISOString()}.`;
  return current.expiresAt.getTime() - Date.parse(now) < SOON_MS
    ? [{ check: "expiry", verdict: "ill", found, mend: "Rotate it, and more often than rekey:ageDays says." }]
    : [{ check: "expiry", verdict: "well", found }];
};

const trial = (answer: Answer): Finding => {
  const check = "trial";
  if (answer.verdict === "accepted") return { check, verdict: "well", found: "The service takes it." };
  const mend =
    answer.verdict === "denied"
      ? "Allow the user the call that it is tried with: without that no rotation and no revoke can be proven."
      : "Rotate it, or correct the network's region or tag rekey:repository.";
  return { check, verdict: "ill", found: `The service answers: ${answer.said}`, mend };
};

export type Inspected = { readonly current: string | undefined; readonly now: Instant };

/** What a rotation and a revoke would meet. Reads, and tries the current credential. */
export const inspectAt = async (
  at: At,
  { current, now }: Inspected,
  attempt: () => Promise<Answer>,
): Promise<readonly Finding[]> => {
  const owner = await ownershipFinding(at.iam, at.target.user, at.signal);
  if (owner.verdict === "ill") return [owner];
  const listed = await list(at);
  const first = [owner, slotsFinding(SLOTS, listed, current)];
  if (current === undefined) return first;
  const here = listed.find(({ id }) => id === current);
  return [...first, standingFinding(listed, current), ...expiry(here, now), trial(await attempt())];
};
