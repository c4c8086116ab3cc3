import type { Identifier } from "./types.ts";

/** Of a login or a workload's name: whatever a person may have typed, but nothing that does not print. */
const PRINTABLE = "[^\\p{C}\\p{Zl}\\p{Zp}]";
const IAM_NAME = "[\\w+=,.@-]{1,64}";

const PATTERNS: readonly (readonly [kind: string, rest: string])[] = [
  ["secret", "arn:aws[a-z-]*:secretsmanager:[a-z0-9-]{1,32}:\\d{12}:secret:[\\w/+=.@!-]{1,519}"],
  ["aws-key", "AKIA[A-Z0-9]{12,28}"],
  ["iam-user", `\\d{12}/${IAM_NAME}`],
  ["iam-role", `\\d{12}/${IAM_NAME}`],
  ["role-session", "AROA[A-Z0-9]{12,28}:[\\w+=,.@-]{2,64}"],
  ["db", `[A-Za-z0-9.:\\[\\]_-]{1,255}:\\d{1,5}/${PRINTABLE}{1,128}`],
  ["rds", `[A-Za-z][A-Za-z0-9-]{0,62}/${PRINTABLE}{1,128}`],
  ["workload", `${PRINTABLE}{1,512}`],
  ["instance", "i-[0-9a-f]{8,17}"],
];

/** What every identifier that a signal may name looks like: known kinds only. */
export const IDENTIFIER = new RegExp(`^(?:${PATTERNS.map(([kind, rest]) => `${kind}:${rest}`).join("|")})$`, "u");

export const isIdentifier = (text: string): text is Identifier => IDENTIFIER.test(text);

/** Joins parts that a detector gave; empty when one is missing or the whole is no identifier of a known kind. */
export const identifier = (kind: string, ...parts: readonly (string | null | undefined)[]): readonly Identifier[] => {
  if (parts.some((part) => !part)) return [];
  const text = `${kind}:${parts.join("/")}`;
  return isIdentifier(text) ? [text] : [];
};

/** The AWS account that an identifier names, where its kind does. */
export const accountOf = (name: Identifier): string | undefined =>
  /^(?:iam-(?:user|role):(\d{12})\/|secret:arn:[^:]*:[^:]*:[^:]*:(\d{12}):)/.exec(name)?.slice(1).find(Boolean);
