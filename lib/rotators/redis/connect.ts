import { createClient, type RedisClientOptions } from "@redis/client";
import { authority } from "../shared/authority.ts";
import { explained } from "./failure.ts";
import type { Login, Node } from "./target.ts";

const CONNECT_MS = 5_000;
/** The client's own patience, for a server that stops answering. */
const ANSWER_MS = 8_000;

/** Plain text only where the tag says so; there is no falling back to it. */
const socketOf = async ({ tls }: Login, { host, port }: Node): Promise<NonNullable<RedisClientOptions["socket"]>> => {
  const common = {
    host,
    port,
    connectTimeout: CONNECT_MS,
    socketTimeout: ANSWER_MS,
    reconnectStrategy: false,
  } as const;
  if (tls.tls === "disable") return common;
  return {
    ...common,
    tls: true,
    rejectUnauthorized: true,
    ...(tls.tlsCa && { ca: await authority(tls.tlsCa) }),
    ...(tls.tlsServerName && { servername: tls.tlsServerName }),
  };
};

/** A connection that has logged in. Replies are those of RESP2; an error inside an EXEC is an element of its reply. */
export type Connection = {
  readonly ask: (...command: readonly string[]) => Promise<unknown>;
  /** One transaction, in one write: nothing of anybody else's runs in between. Rejects when it could not be queued. */
  readonly together: (...commands: readonly (readonly string[])[]) => Promise<readonly unknown[]>;
};

const clientFor = async (login: Login, node: Node) => {
  const client = createClient({
    username: login.username,
    password: login.password,
    // AUTH and nothing else: what HELLO and CLIENT SETINFO need, an older server or a narrow user may not have.
    RESP: 2,
    disableClientInfo: true,
    socket: await socketOf(login, node),
  });
  // Without a listener a connection that dies would end the process; the command under way reports it.
  client.on("error", () => undefined);
  return client;
};

/**
 * Logs in at one server, works, and always leaves. Throws what the client threw. Rejects with the signal's reason when
 * aborted.
 */
export const session = async <A>(
  login: Login,
  node: Node,
  signal: AbortSignal,
  work: (connection: Connection) => Promise<A>,
): Promise<A> => {
  signal.throwIfAborted();
  const client = await clientFor(login, node);
  const leave = () => {
    if (client.isOpen) client.destroy();
  };
  signal.addEventListener("abort", leave, { once: true });
  const ask = (...command: readonly string[]) => client.sendCommand<unknown>(command);
  const together = async (...commands: readonly (readonly string[])[]) => {
    const replies = await Promise.all([ask("MULTI"), ...commands.map((command) => ask(...command)), ask("EXEC")]);
    const done = replies.at(-1);
    return Array.isArray(done) ? (done as readonly unknown[]) : [];
  };
  try {
    await client.connect();
    return await work({ ask, together });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
    leave();
  }
};

/**
 * Works as the rotator's user at every server at once, to the end at each: one that is away delays no other. Throws the
 * first failure, explained, once all are through.
 */
export const everywhere = async <A>(
  login: Login,
  signal: AbortSignal,
  work: (connection: Connection, node: Node) => Promise<A>,
): Promise<readonly A[]> => {
  const done = await Promise.allSettled(
    login.nodes.map(async (node) => {
      try {
        return await session(login, node, signal, (connection) => work(connection, node));
      } catch (error) {
        throw explained(error, login, node);
      }
    }),
  );
  return done.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
};
