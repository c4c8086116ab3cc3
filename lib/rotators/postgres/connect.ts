import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import type { Client } from "pg";
import { Misconfigured, Unusable } from "../../core/errors.ts";
import { authority } from "../shared/authority.ts";
import { explained } from "./failure.ts";
import type { Login } from "./target.ts";

const CONNECT_MS = 5_000;
const STATEMENT_MS = 5_000;
const LOCK_MS = 3_000;
/** The client's own patience, for a server that stops answering. */
const ANSWER_MS = 8_000;

/** Plain text only where the tag says so; there is no falling back to it. */
const tlsOf = async ({ tls, tlsCa, tlsServerName }: Login["tls"]): Promise<ConnectionOptions | false> => {
  if (tls === "disable") return false;
  return {
    rejectUnauthorized: true,
    ...(tlsCa && { ca: await authority(tlsCa) }),
    // The driver overwrites `servername` with the host, so the name is checked here.
    ...(tlsServerName && { checkServerIdentity: (_, certificate) => checkServerIdentity(tlsServerName, certificate) }),
  };
};

/** Loaded when first needed: the catalog is imported where no database is spoken to. */
export const driver = () => import("pg");

const clearText = ({ host, port, username }: Login) =>
  new Misconfigured(
    `PostgreSQL at ${host}:${port} asks for the password of ${username} in clear text, which is never sent. Use scram-sha-256 in pg_hba.conf. RDS asks so of every member of rds_iam, also of one that is it only through a login which it administers (docs/explanation/rds-iam.md).`,
  );

/** A server that asks for a password has no such login, or lets it in by password alone: no token opens it. */
const noToken = ({ host, port, username, adminSecret }: Login) =>
  adminSecret === undefined
    ? new Unusable(
        `PostgreSQL at ${host}:${port} takes no token for ${username}: there is no such login, or it has not the role rds_iam.`,
      )
    : new Misconfigured(
        `PostgreSQL at ${host}:${port} asks for a password of the rotator's role ${username}, and admin secret ${adminSecret} holds none. Put it there.`,
      );

/** What proves the login, by the method that its server asks for: a token goes out in clear text, inside TLS. */
const proofOf = (login: Login, asksClearText: boolean): string | Promise<string> => {
  const { password, token, tls } = login;
  if (asksClearText && token && tls.tls !== "disable") return token();
  if (asksClearText) throw clearText(login);
  if (password !== undefined) return password;
  throw noToken(login);
};

const clientFor = async (login: Login): Promise<Client> => {
  const [{ default: pg }, ssl] = await Promise.all([driver(), tlsOf(login.tls)]);
  let asksClearText = false;
  const client = new pg.Client({
    host: login.host,
    port: login.port,
    database: login.database,
    user: login.username,
    // A function is asked once the server has said which method it wants.
    password: () => proofOf(login, asksClearText),
    ssl,
    application_name: "rekey",
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    lock_timeout: LOCK_MS,
    query_timeout: ANSWER_MS,
    options: "-c DateStyle=ISO -c TimeZone=UTC",
  });
  client.connection.on("authenticationCleartextPassword", () => {
    asksClearText = true;
  });
  // Without a listener a connection that dies between two queries would end the process; the next query reports it.
  client.on("error", () => undefined);
  return client;
};

type Work<A> = (client: Client) => Promise<A>;

/** Connected as that login; whoever asked for it ends it. */
const connected = async (login: Login): Promise<Client> => {
  const client = await clientFor(login);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
};

/** Works over a connection that an abort cuts. Rejects with the signal's reason when aborted. */
const working = async <A>(client: Client, signal: AbortSignal, work: Work<A>): Promise<A> => {
  const leave = () => void client.end().catch(() => undefined);
  signal.addEventListener("abort", leave, { once: true });
  try {
    signal.throwIfAborted();
    return await work(client);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
  }
};

/** Works as the rotator's role. Throws Misconfigured, Untrusted, Forbidden, Throttled, Unreachable or DatabaseError. */
export const asAdmin = async <A>(login: Login, signal: AbortSignal, work: Work<A>): Promise<A> => {
  const { client, result } = await keptAdmin(login, signal, work);
  await client.end().catch(() => undefined);
  return result;
};

/** As `asAdmin`, and leaves the connection open: it is the caller's. Nothing is left open when the work failed. */
export const keptAdmin = async <A>(login: Login, signal: AbortSignal, work: Work<A>, open?: Client) => {
  let client = open;
  try {
    signal.throwIfAborted();
    client ??= await connected(login);
    return { client, result: await working(client, signal, work) };
  } catch (error) {
    await client?.end().catch(() => undefined);
    signal.throwIfAborted();
    throw explained(error, login);
  }
};

/** One real login and one statement, the owner's own where there is one; throws what the driver threw. */
export const tryLogin = async (login: Login, signal: AbortSignal, probe = "SELECT 1"): Promise<void> => {
  signal.throwIfAborted();
  const client = await connected(login);
  await working(client, signal, () => client.query(probe)).finally(() => client.end().catch(() => undefined));
};
