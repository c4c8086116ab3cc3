import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** Of JSON or of a form. */
  readonly body: Readonly<Record<string, unknown>>;
};
export type Answer = {
  readonly status: number;
  /** JSON unless it is text. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};
type Interruption = {
  readonly when: (asked: Asked) => boolean;
  readonly answer: Answer | "hang up" | "answered, then hang up";
  left: number;
};

const read = async (request: IncomingMessage): Promise<Asked> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  const isForm = request.headers["content-type"]?.includes("form-urlencoded");
  const url = new URL(request.url ?? "/", "http://loopback");
  return {
    method: request.method ?? "GET",
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
    body: isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text || "{}"),
  };
};

const written = (body: unknown) =>
  typeof body === "string"
    ? { type: "text/html", text: body }
    : { type: "application/json", text: body === undefined ? "" : JSON.stringify(body) };

/** A provider on loopback: answers by the given handler, unless a test interrupts. */
export const serve = async (handle: (asked: Asked) => Answer) => {
  const asked: Asked[] = [];
  const interruptions: Interruption[] = [];
  const interrupted = (one: Asked): Interruption["answer"] | undefined => {
    const interruption = interruptions.find(({ when, left }) => left > 0 && when(one));
    if (interruption) interruption.left -= 1;
    return interruption?.answer;
  };
  const server = createServer(async (request, response) => {
    const one = await read(request);
    asked.push(one);
    const instead = interrupted(one);
    if (instead === "hang up") return response.destroy();
    const { status, body, headers } = typeof instead === "object" ? instead : handle(one);
    if (instead === "answered, then hang up") return response.destroy();
    const { type, text } = written(body);
    response.writeHead(status, { "content-type": type, ...headers });
    return response.end(text);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** All that was asked, in order. */
    asked: asked as readonly Asked[],
    /** Answers otherwise, the next `times` that it is asked such a thing. */
    interrupt: (when: Interruption["when"], answer: Interruption["answer"], times = 1) => {
      interruptions.push({ when, answer, left: times });
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
};
export type Served = Awaited<ReturnType<typeof serve>>;

/** How often in a row each new key is refused before it is known everywhere. */
export const lagging = (times: number) => {
  const left = new Map<string, number>();
  return {
    begin: (key: string) => left.set(key, times),
    /** Of a key that has been there for long. */
    settle: (key: string) => left.delete(key),
    isKnown: (key: string) => {
      const more = left.get(key) ?? 0;
      left.set(key, more - 1);
      return more <= 0;
    },
  };
};

export const random = (length = 20) => crypto.randomUUID().replaceAll("-", "").slice(0, length);
