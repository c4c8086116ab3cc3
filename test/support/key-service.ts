import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type InvokeCommandInput, LambdaClient } from "@aws-sdk/client-lambda";
import type { Aws } from "../../lib/core/types.ts";

type Key = { readonly id: string; readonly key: string; readonly madeBy: string; active: boolean };
type Answer = readonly [status: number, body: object];

/**
 * A service of somebody's, as the page "Write a rotator function" supposes it: it makes keys, shows each once, disables
 * and enables them, and keeps sessions that a key has opened.
 */
export const startKeyService = async (adminToken: string) => {
  const tenants = new Map<string, Key[]>();
  const sessions = new Map<string, Key>();
  /** What it answers instead, when set: an outage, a rate limit. */
  const mood: { status?: number } = {};

  const bearer = ({ headers }: IncomingMessage) => headers.authorization?.replace("Bearer ", "");
  const holder = (token: string | undefined) =>
    [...tenants.values()].flat().find(({ key, active }) => active && key === token);
  const make = (tenant: string, madeBy: string, key = randomBytes(24).toString("hex")): Key => {
    const made: Key = { id: randomUUID(), key, madeBy, active: true };
    tenants.set(tenant, [...(tenants.get(tenant) ?? []), made]);
    return made;
  };
  const endSessions = (of: Key) => {
    const mine = [...sessions].filter(([, key]) => key === of);
    for (const [id] of mine) sessions.delete(id);
    return mine.length;
  };
  const change = (tenant: string, id: string, how: string): Answer => {
    const found = tenants.get(tenant)?.find((key) => key.id === id);
    if (how === "delete") {
      tenants.set(tenant, tenants.get(tenant)?.filter((key) => key !== found) ?? []);
      return [200, {}];
    }
    if (!found) return [404, {}];
    found.active = how === "enable";
    return [200, { sessionsEnded: found.active ? 0 : endSessions(found) }];
  };
  const keys = (request: IncomingMessage, [tenant = "", id, how]: readonly string[]): Answer => {
    if (bearer(request) !== adminToken) return [401, {}];
    if (id) return change(tenant, id, how ?? "delete");
    if (request.method === "POST") {
      const { id: made, key } = make(tenant, "rekey");
      return [201, { id: made, key }];
    }
    return [200, (tenants.get(tenant) ?? []).map(({ key: _, ...shown }) => shown)];
  };
  const answer = (request: IncomingMessage): Answer => {
    if (mood.status) return [mood.status, {}];
    const [what, ...rest] = (request.url ?? "").split("/").filter(Boolean);
    if (what === "keys") return keys(request, rest);
    return holder(bearer(request)) ? [200, {}] : [401, {}];
  };

  const server = createServer((request, response) => {
    const [status, body] = answer(request);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    make,
    mood,
    openSession: (token: string) => {
      const key = holder(token);
      if (!key) throw new Error("refused");
      const id = randomUUID();
      sessions.set(id, key);
      return { alive: async () => sessions.has(id) };
    },
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
};

const listen = (client: LambdaClient, asked: unknown[]) =>
  client.middlewareStack.add(
    (next) => async (args) => {
      const { Payload } = args.input as InvokeCommandInput;
      if (Payload instanceof Uint8Array) asked.push(JSON.parse(Buffer.from(Payload).toString()));
      return next(args);
    },
    { step: "initialize" },
  );
/** The same clients; every payload that is sent to a function is noted in `asked`. */
export const listening =
  (aws: Aws, asked: unknown[]): Aws =>
  (Client, config) => {
    const made = aws(Client, config);
    if (made instanceof LambdaClient) listen(made, asked);
    return made;
  };
