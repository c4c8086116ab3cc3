import { TagUserCommand } from "@aws-sdk/client-iam";
import type { Instant } from "../../core/types.ts";
import type { At, Listed } from "./credentials.ts";
import { INTENT } from "./grants.ts";

/**
 * IAM neither tags a service-specific credential nor tells when it was last used, so one that a crash orphaned looks
 * like anybody's. Before making one, a tag of the user notes when, and which there were: what appeared right after, and
 * is in no labelled version although none of those did, is ours.
 */
type Intent = { readonly at: number; readonly before: readonly string[] };

/** Clocks apart, plus the 30 s that a creation may take. */
const WITHIN_MS = 60_000;

const keyOf = ({ target }: At) => `${INTENT}${target.service.split(".")[0]}`;

/** Notes that a credential is about to be made. At most one is there then, so the value stays under IAM's 256 characters. */
export const noteIntent = async (at: At, now: Instant, there: readonly Listed[]): Promise<void> => {
  const Value = [now, ...there.map(({ id }) => id)].join(" ");
  const command = new TagUserCommand({ UserName: at.target.user, Tags: [{ Key: keyOf(at), Value }] });
  await at.iam.send(command, { abortSignal: at.signal });
};

const intentOf = (text: string | undefined): Intent | undefined => {
  const [when = "", ...before] = text?.split(" ") ?? [];
  const at = Date.parse(when);
  return Number.isNaN(at) ? undefined : { at, before };
};

/** Ids that the last noted intent made and nobody stored. */
export const orphans = (
  at: At,
  tags: Readonly<Record<string, string>>,
  listed: readonly Listed[],
  keep: readonly string[],
): readonly string[] => {
  const intent = intentOf(tags[keyOf(at)]);
  if (!intent) return [];
  const since = listed.filter(({ id }) => !intent.before.includes(id));
  // The intent led to a stored version: whatever else has come since is somebody else's.
  if (since.some(({ id }) => keep.includes(id))) return [];
  return since
    .filter(({ createdAt }) => createdAt && Math.abs(createdAt.getTime() - intent.at) <= WITHIN_MS)
    .map(({ id }) => id);
};
