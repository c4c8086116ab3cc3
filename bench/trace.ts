import { channel } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import pg from "pg";

/** One call that this process made while a trace was open; times as performance.now() gives them. */
export type Span = { readonly what: string; readonly from: number; readonly to: number };

type Started = { readonly request: ClientRequest };
/** Of the driver's client: what the wrappers below need, over all its overloads. */
type Wrapped = { connect: (...args: unknown[]) => unknown; query: (...args: unknown[]) => unknown };

const textOf = (query: unknown): string => {
  if (typeof query === "string") return query;
  return typeof query === "object" && query !== null && "text" in query ? String(query.text) : "";
};

/** JSON services name the operation; of the query services (IAM, STS) the signature's scope tells which one was asked. */
const nameOf = (request: ClientRequest): string => {
  const target = request.getHeader("x-amz-target");
  if (target) return String(target);
  const [, service] = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(String(request.getHeader("authorization"))) ?? [];
  return service ? `${service}.` : "";
};

/**
 * Notes every AWS call (as `secretsmanager.GetSecretValue`) and every connection and statement of the driver, without
 * changing what is traced: Node announces its HTTP requests, and the driver's two methods are timed where they are.
 */
export const openTrace = () => {
  let spans: Span[] = [];
  const begun = new WeakMap<ClientRequest, number>();
  const onStart = (message: unknown) => void begun.set((message as Started).request, performance.now());
  const onFinish = (message: unknown) => {
    const { request } = message as Started;
    const what = nameOf(request);
    const from = begun.get(request);
    if (from !== undefined && what) spans.push({ what, from, to: performance.now() });
  };
  const [started, finished] = [channel("http.client.request.start"), channel("http.client.response.finish")];
  started.subscribe(onStart);
  finished.subscribe(onFinish);

  const prototype = pg.Client.prototype as unknown as Wrapped;
  const { connect, query } = prototype;
  const timing = (name: (client: pg.Client, args: unknown[]) => string, verb: (...args: unknown[]) => unknown) =>
    async function timed(this: pg.Client, ...args: unknown[]): Promise<unknown> {
      const from = performance.now();
      try {
        return await verb.apply(this, args);
      } finally {
        spans.push({ what: name(this, args), from, to: performance.now() });
      }
    };
  prototype.connect = timing(({ user }) => `connect ${user}`, connect);
  prototype.query = timing((_, [first]) => textOf(first).trim(), query);

  return {
    /** What was noted since the last look, and forgets it. */
    take: (): readonly Span[] => {
      const taken = spans;
      spans = [];
      return taken;
    },
    close: () => {
      Object.assign(prototype, { connect, query });
      started.unsubscribe(onStart);
      finished.unsubscribe(onFinish);
    },
  };
};
export type Trace = ReturnType<typeof openTrace>;

/** How many calls of one AWS service there are among them. */
export const callsOf = (service: string, spans: readonly Span[]): number =>
  spans.filter(({ what }) => what.startsWith(`${service}.`)).length;
export const secretsCalls = (spans: readonly Span[]): number => callsOf("secretsmanager", spans);

/** How many connections to databases there are among them. */
export const connections = (spans: readonly Span[]): number =>
  spans.filter(({ what }) => what.startsWith("connect ")).length;
