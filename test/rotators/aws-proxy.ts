import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import type { AddressInfo } from "node:net";

export type Seen = { readonly path: string; readonly authorization: string; readonly body: string };
/** `lose`: the request is carried out, its answer never arrives. `cut`: it is not even carried out. */
export type Trouble = "lose" | "cut" | { readonly status: number; readonly type?: string; readonly body: string };
export type Proxy = { readonly endpoint: string; readonly stop: () => Promise<void> };

const read = async (stream: IncomingMessage): Promise<Buffer> => Buffer.concat(await stream.toArray());

const forward = (endpoint: string, from: IncomingMessage, body: Buffer) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    // The Host header stays as it was signed.
    const { hostname, port } = new URL(endpoint);
    const onward = send({ hostname, port, path: from.url, method: from.method, headers: from.headers }, resolve);
    onward.on("error", reject);
    onward.end(body);
  });

const answer = async (
  trouble: Trouble | undefined,
  endpoint: string,
  from: IncomingMessage,
  body: Buffer,
  to: ServerResponse,
) => {
  if (trouble === "cut") return to.destroy();
  if (typeof trouble === "object") {
    to.writeHead(trouble.status, { "content-type": trouble.type ?? "application/xml" });
    return to.end(trouble.body);
  }
  const back = await forward(endpoint, from, body);
  const content = await read(back);
  if (trouble === "lose") return to.destroy();
  to.writeHead(back.statusCode ?? 502, back.headers);
  return to.end(content);
};

/** A way to AWS on which some requests meet trouble. */
export const proxied = async (endpoint: string, trouble: (seen: Seen) => Trouble | undefined): Promise<Proxy> => {
  const server = createServer(async (from, to) => {
    const body = await read(from);
    const seen = { path: from.url ?? "", authorization: from.headers.authorization ?? "", body: body.toString() };
    await answer(trouble(seen), endpoint, from, body, to);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** How IAM asks to come again later: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html */
export const THROTTLED: Trouble = {
  status: 400,
  type: "text/xml",
  body: "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>r</RequestId></ErrorResponse>",
};
