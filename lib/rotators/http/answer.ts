import jsonpointer from "jsonpointer";
import { AgainstPolicy, Forbidden, Misconfigured, Throttled, Unreachable, Unusable } from "../../core/errors.ts";
import type { Answer, Call, Description } from "./description.ts";
import type { Reply } from "./send.ts";

export type Meaning = Answer["means"] | "unauthorised" | "missing" | "down" | "garbled" | "odd";

/** What stands at an RFC 6901 pointer; undefined where nothing does. */
export const at = (json: unknown, pointer: string): unknown =>
  typeof json === "object" && json !== null ? jsonpointer.get(json, pointer) : undefined;

const fits = ({ status, at: pointer, is }: Answer, reply: Reply): boolean => {
  if (!status.includes(reply.status)) return false;
  if (pointer === undefined) return true;
  const found = at(reply.json, pointer);
  return is === undefined ? found !== undefined : is.some((value) => value === found);
};

/** GitHub and Datadog say with headers that a limit is used up, GitHub even with status 403. */
const isLimited = ({ status, headers }: Reply) =>
  status === 429 || (status === 403 && (headers.has("retry-after") || headers.get("x-ratelimit-remaining") === "0"));

const BY_STATUS: Readonly<Record<number, Meaning>> = { 401: "unauthorised", 403: "forbidden", 404: "missing" };

/** What an answer means. `refused` comes of a description's own rule only: a status alone may be some proxy's. */
export const meaningOf = ({ answers = [] }: Call, reply: Reply): Meaning => {
  const rule = answers.find((answer) => fits(answer, reply));
  if (rule) return rule.means;
  if (isLimited(reply)) return "throttled";
  if (reply.status >= 500 || reply.status === 408) return "down";
  if (!reply.isJson) return "garbled";
  return reply.status < 300 ? "done" : (BY_STATUS[reply.status] ?? "odd");
};

const LONGEST_WAIT_MS = 30_000;

/**
 * How long the provider asks to be left alone, in ms: Retry-After in seconds or as a date (RFC 9110 section 10.2.3), or
 * else the header that says when its limit begins anew, in seconds from now (Datadog) or since 1970 (GitHub, Okta).
 */
const retryAfterMs = (headers: Headers, now: number): number => {
  const reset = Number(headers.get("x-ratelimit-reset") ?? headers.get("x-rate-limit-reset") ?? 0);
  const text = headers.get("retry-after") ?? String(reset > 1e9 ? Math.ceil(reset - now / 1000) : reset);
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
};

export type Patience = { readonly retryAfterMs: number; readonly isWorthWaiting: boolean };

/** Throttled that says how long to wait; longer than 30 s is left to the next attempt. */
const throttled = (text: string, reply: Reply, now: number): Throttled & Patience => {
  const ms = retryAfterMs(reply.headers, now);
  return Object.assign(new Throttled(text), { retryAfterMs: ms, isWorthWaiting: ms <= LONGEST_WAIT_MS });
};

type Asked = {
  readonly description: Description;
  readonly call: Call;
  readonly reply: Reply;
  /** What was tried, such as "create a key". */
  readonly what: string;
  readonly subject: string;
  readonly admin: string;
  readonly now: number;
  /** Values that went out with it and may be secret. */
  readonly sent: readonly string[];
};

/** The provider's own code of an error. Messages are left out, and codes that hold what was sent: some quote the key. */
const codeOf = ({ description: { errorCodes }, reply, sent }: Asked): string => {
  const code = errorCodes.map((pointer) => at(reply.json, pointer)).find((found) => found !== undefined);
  const text = typeof code === "string" || typeof code === "number" ? String(code) : "";
  const isQuote = sent.some((value) => text.includes(value));
  return /^[\w.:-]{1,48}$/.test(text) && !isQuote ? ` (${text})` : "";
};

const SAYS: Readonly<Record<Exclude<Meaning, "done" | "gone" | "throttled">, (asked: Asked, head: string) => Error>> = {
  refused: (_, head) => new Unusable(`${head}: the key was refused.`),
  full: ({ description, subject }, head) =>
    new Misconfigured(
      `${head}: ${subject} has no room for another key${description.slots ? ` (at most ${description.slots})` : ""}. Remove the one that nothing uses, then rotate again.`,
    ),
  policy: (_, head) => new AgainstPolicy(`${head}: the provider's policy refused the new key.`),
  forbidden: ({ call, admin }, head) =>
    call.as === "admin"
      ? new Forbidden(`${head}: the credential in admin secret ${admin} lacks the right. Grant it at the provider.`)
      : new Error(`${head}, which says nothing of the key.`),
  unauthorised: ({ call, admin }, head) =>
    call.as === "admin"
      ? new Misconfigured(`${head}: the credential in admin secret ${admin} was refused. Put one that works.`)
      : new Error(`${head} in words that the description does not know, so it is doubt and no refusal.`),
  missing: ({ subject }, head) =>
    new Misconfigured(`${head}: no ${subject} there. Check tags rekey:subject and baseUrl.`),
  down: (_, head) => new Unreachable(`${head}. Nothing is known of what became of the request.`),
  garbled: (_, head) => new Misconfigured(`${head} with something that is not JSON. Check tag rekey:baseUrl.`),
  odd: (_, head) => new Misconfigured(`${head}, which the description does not know.`),
};

/** The error that an answer amounts to; undefined for `done` and `gone`. */
export const errorOf = (meaning: Meaning, asked: Asked): Error | undefined => {
  if (meaning === "done" || meaning === "gone") return undefined;
  const { description, reply, what, subject, now } = asked;
  const head = `Provider ${description.name}, ${what} of ${subject}: answered ${reply.status}${codeOf(asked)}`;
  if (meaning === "throttled") return throttled(`${head}: too many requests.`, reply, now);
  return SAYS[meaning](asked, head);
};
