import type { Followed } from "./follow.ts";
import { formatVkey } from "./note.ts";
import type { checkProof } from "./proof.ts";
import type { Verdict } from "./verify.ts";

/** The key that was used, where the one came from that led to it, and whether that lay in the export itself. */
export type UsedKey = Followed & { readonly from: string; readonly isOwn: boolean };

const logLines = ({ checkpoint, earlier = [], streams }: Verdict): readonly string[] => {
  if (!checkpoint) return [];
  const { origin, size, root } = checkpoint;
  const closed = earlier.map((one) => `closed      ${one.origin}: ${one.size} entries, root ${one.root}`);
  return [...closed, `log         ${origin}`, `entries     ${size} of ${streams} streams`, `root        ${root}`];
};

/** What was compared beside the log itself, such as a checkpoint kept from before. */
export type Compared = { readonly lines: readonly string[]; readonly bearsOut: boolean };

/** A verdict for people, the same from the command and in the browser. */
export const verdictLines = (
  verdict: Verdict,
  { by, via, from, isOwn }: UsedKey,
  { lines, bearsOut }: Compared = { lines: [], bearsOut: true },
): readonly string[] => {
  const { findings, unlisted } = verdict;
  return [
    `key         ${formatVkey(via[0]?.from ?? by)}`,
    `from        ${from}`,
    // Whoever can alter the export can swap the key in it.
    ...(isOwn ? ["            the export's own key: compare it with one you got another way"] : []),
    ...via.map(({ index, to }) => `gave way to ${formatVkey(to)} by entry ${index}`),
    ...logLines(verdict),
    ...findings.map(({ message }) => `ALTERED     ${message}`),
    ...(unlisted > 0 ? [`            and ${unlisted} more`] : []),
    ...lines,
    verdict.good && bearsOut ? "verified    every entry" : "NOT VERIFIED",
  ];
};

/** What a proof that holds shows, for people. */
export const proofLines = ({ checkpoint, index, event }: ReturnType<typeof checkProof>): readonly string[] => [
  `log         ${checkpoint.origin}`,
  `entry       ${index} of ${checkpoint.size}`,
  `event       ${event.type} of ${event.stream}, number ${event.seq} there`,
  `at          ${event.at}, by ${event.actor.kind}:${event.actor.principal}`,
  `says        ${JSON.stringify(event.data)}`,
  "verified    this event is in that log, as it stands here",
];
/** What is said of a proof that does not hold. */
export const refutedLine = (reason: string): string => `NOT VERIFIED  ${reason}`;
