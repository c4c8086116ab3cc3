import type { Aws, Instant, Poll, PolledEvent } from "../../core/types.ts";

/** The names of the service's own wire, which its client writes with a capital. */
export const lowered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(lowered);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.charAt(0).toLowerCase() + key.slice(1), lowered(inner)]),
  );
};

type Page<T> = { readonly items: readonly T[]; readonly next?: string | undefined };

/** Every page until the service gives no further token. */
export const pages = async function* <T>(ask: (token: string | undefined) => Promise<Page<T>>): AsyncGenerator<T[]> {
  let token: string | undefined;
  do {
    const { items, next } = await ask(token);
    if (items.length > 0) yield [...items];
    token = next;
  } while (token);
};

type Ask<T> = (
  aws: Aws,
  span: { readonly from: Instant; readonly to: Instant },
  signal: AbortSignal,
) => AsyncIterable<T>;

/** A poll of what one API answers, each answer made the detail of an event. */
export const polling = <T>(
  event: Pick<PolledEvent, "source" | "detail-type">,
  ask: Ask<T>,
  detailOf: (answer: T) => unknown,
): Poll => ({
  async *since({ aws }, span, signal) {
    for await (const answer of ask(aws, span, signal)) yield { ...event, time: span.to, detail: detailOf(answer) };
  },
});
