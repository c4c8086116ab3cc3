import type { LifecycleEvent } from "./events.ts";

/**
 * What looks like a secret inside text of a detector's: command lines, rule outputs and commit messages quote them. The
 * forms are those that the issuers document; where a value has a name, the name stays and the value goes.
 */
const VALUES: readonly RegExp[] = [
  // JSON Web Token: base64url of `{"`, also where the text was cut.
  /\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}/g,
  // https://docs.github.com/en/authentication: tokens begin with ghp_, gho_, ghu_, ghs_, ghr_, github_pat_.
  /\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|sk_live_|rk_live_|AIza|npm_|pypi-|dop_v1_|SG\.)[\w.-]{8,}/g,
  /-----BEGIN[^-]{0,40}PRIVATE KEY-----.*/g,
  // AWS session tokens begin with these in base64.
  /\b(?:FwoG|FQoG|IQoJ)[\w/+=]{16,}/g,
];

/** With `=`, or with a colon as JSON and YAML write it: `secret:` inside an ARN is neither. */
const SET = `(?:\\s*=\\s*|["']\\s*:\\s*|:\\s+)`;
const NAMES = "pass(?:word|wd|phrase)?|pwd|secret(?:_?access_?key)?|token|api[_-]?key|private[_-]?key|authorization";

const NAMED: readonly RegExp[] = [
  new RegExp(`((?:${NAMES})${SET}["']?(?:bearer\\s+|basic\\s+)?)[^\\s"',;&]{3,}`, "gi"),
  /(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi,
  /(--?(?:password|pass|token|secret|api-key)\s+["']?)[^\s"']{3,}/gi,
  /(:\/\/[^\s:/@]{0,128}:)[^\s@/]{1,256}(?=@)/g,
];

/** AWS's secret access keys: 40 characters of base64 with both cases and a digit, which a commit id in hex lacks. */
const AWS_SECRET =
  /(?<![\w/+=])(?=[\w/+]{0,39}[A-Z])(?=[\w/+]{0,39}[a-z])(?=[\w/+]{0,39}\d)[A-Za-z0-9/+]{40}(?![\w/+=])/g;

/** The text without what looks like a secret in it. */
export const withoutSecrets = (text: string): string => {
  const values = [...VALUES, AWS_SECRET].reduce((now, form) => now.replace(form, "[secret]"), text);
  return NAMED.reduce((now, form) => now.replace(form, "$1[secret]"), values);
};

/** True where a word itself looks like a secret. */
export const isSecret = (word: string): boolean => withoutSecrets(word) !== word;

/** Fields that hold what people or other programs wrote, though it be one word. */
const WRITTEN: ReadonlySet<string> = new Set(["reason", "why", "error", "ticket", "ref"]);

const quieted = (value: unknown, field: string): unknown => {
  if (typeof value === "string") return WRITTEN.has(field) || /\s/.test(value) ? withoutSecrets(value) : value;
  if (Array.isArray(value)) return value.map((item) => quieted(item, field));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, quieted(inner, name)]));
};

/**
 * The event with what looks like a secret struck out of its texts. Not refused: a containment that somebody gave a bad
 * reason for is still recorded. Words elsewhere are left, being ids, ARNs and digests, of which some look random.
 */
export const quiet = (event: LifecycleEvent): LifecycleEvent => {
  const { reason, data } = event;
  const texts = reason === undefined ? { data } : { reason, data };
  return { ...event, ...(quieted(texts, "") as object) } as LifecycleEvent;
};
