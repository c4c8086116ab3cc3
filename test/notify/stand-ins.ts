import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export type Heard = { readonly headers: IncomingHttpHeaders; readonly path: string; readonly body: string };
export type Answer = { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> };

/** An HTTP server on loopback that notes what it hears and answers as `answer` says. */
export const standIn = async (answer: (heard: Heard) => Answer) => {
  const heard: Heard[] = [];
  const server = createServer(async (request, response) => {
    const one = { headers: request.headers, path: request.url ?? "", body: await text(request) };
    heard.push(one);
    const { status, body = "", headers = {} } = answer(one);
    response.writeHead(status, headers);
    response.end(body);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return { heard, url: `http://127.0.0.1:${port}`, stop: () => server.close() };
};
