import { Throttled } from "../../core/errors.ts";
import type { Outcome } from "../../core/notifier.ts";

const TIMEOUT_MS = 10_000;
/** Of an answer that is shown to people. */
const MOST = 120;

type Answer = { readonly status: number; readonly text: string; readonly after: string | null };

/** Posts once. A redirect is refused: it would take the message and its authorization elsewhere. */
const post = async (
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body,
    redirect: "error",
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  const text = (await response.text()).replace(/[^\x20-\x7e]/g, " ").slice(0, MOST);
  return { status: response.status, text, after: response.headers.get("retry-after") };
};

/** 408 and 429 ask for it again (RFC 9110 §15.5.9, RFC 6585 §4); any other 4xx would be the same again. */
const isLater = (status: number) => status === 408 || status === 429 || status >= 500;

/** Throws where it has to come again; never with the address, which may be a secret. */
export const posted = async (
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<Outcome> => {
  const { status, text, after } = await post(url, headers, body, signal).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
    throw new Error(`it did not answer (${typeof code === "string" ? code : (cause as Error).name})`);
  });
  if (status >= 200 && status < 300) return "told";
  if (status === 429) throw new Throttled(`it asked to come again${after ? ` after ${after} s` : ""}`);
  if (isLater(status)) throw new Error(`it answered ${status}`);
  return { refused: `it answered ${status} ${text}`.trim() };
};
