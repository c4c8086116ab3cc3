import type { Finding, Instant, Use } from "../../core/types.ts";
import { ownershipFinding, slotsFinding, standingFinding } from "../shared/iam-findings.ts";
import { type At, listKeys, otherUse, SLOTS } from "./keys.ts";

const asInstant = (date: Date) => date.toISOString() as Instant;

/**
 * When and for which service the key last signed a request. IAM keeps the last use only, and counts attempts that were
 * not permitted: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
 */
export const usesOf = async (at: At, id: string): Promise<Use> => {
  const last = await otherUse(at, id, (await listKeys(at)).find((key) => key.id === id)?.createdAt);
  if (!last) return { by: [] };
  return { lastUsedAt: asInstant(last.at), by: [{ who: `${last.service} in ${last.region}`, count: 1 }] };
};

/** What a rotation and a revoke would meet. The key is not tried: the trial would count as its last use. */
export const inspectAt = async (at: At, current: string | undefined): Promise<readonly Finding[]> => {
  const owner = await ownershipFinding(at.iam, at.user, at.signal);
  if (owner.verdict === "ill") return [owner];
  const keys = await listKeys(at);
  const first = [owner, slotsFinding(SLOTS, keys, current)];
  return current === undefined ? first : [...first, standingFinding(keys, current)];
};
