import { connect as dial, isIP, type Socket } from "node:net";
import type { Connection, ConnectionOptions, RowDataPacket } from "mysql2/promise";
import { Misconfigured } from "../../core/errors.ts";
import { authority } from "../shared/authority.ts";
import type { Dialect } from "./dialect.ts";
import { explained, isError, isRefusal, refusal } from "./failure.ts";
import { mariadb } from "./mariadb.ts";
import { mysqlServer } from "./mysql-server.ts";
import type { Login } from "./target.ts";

const CONNECT_MS = 5_000;
/** The client's own patience with one statement, for a server that stops answering. */
const ANSWER_MS = 8_000;
/**
 * Seconds after which the server itself gives a statement of ours up, so that one which waits, for a backup that holds
 * all tables say, is not carried out when nobody awaits it any more. Statements about accounts do not heed
 * `lock_wait_timeout`: measured on 10.11.
 */
const STATEMENT_S = 5;

/** Plain text only where the tag says so; there is no falling back to it. */
const tlsOf = async ({ tls, host }: Login): Promise<Pick<ConnectionOptions, "host" | "ssl">> => {
  if (tls.tls === "disable") return { host };
  const name = tls.tlsServerName ?? host;
  if (isIP(name)) {
    // The driver checks a certificate against `localhost` when it is given an address.
    throw new Misconfigured(
      `Host ${host} is an address, and a server is known by the name in its certificate: set rekey:tlsServerName to that name.`,
    );
  }
  const ca = tls.tlsCa === undefined ? {} : { ca: await authority(tls.tlsCa) };
  // The driver takes the name to check from `host`; the socket of ours goes to the real one.
  return { host: name, ssl: { rejectUnauthorized: true, verifyIdentity: true, minVersion: "TLSv1.2", ...ca } };
};

/** Loaded when first needed: the catalog is imported where no database is spoken to. */
const driver = () => import("mysql2/promise");

export type Client = {
  /** MariaDB's until the server has said that it is another. */
  readonly dialect: Dialect;
  /** Rows of a query; nothing of a statement. Values are put in by the driver, quoted. */
  readonly rows: <R>(sql: string, values?: readonly (string | number)[]) => Promise<readonly R[]>;
  readonly run: (sql: string) => Promise<void>;
};

const clientOf = (connection: Connection): Client => ({
  dialect: mariadb,
  rows: async <R>(sql: string, values: readonly (string | number)[] = []) => {
    const [found] = await connection.query<RowDataPacket[]>({ sql, timeout: ANSWER_MS, values: [...values] });
    return found as unknown as readonly R[];
  },
  run: async (sql) => {
    await connection.query({ sql, timeout: ANSWER_MS });
  },
});

const opened = async (login: Login, signal: AbortSignal): Promise<{ connection: Connection; socket: Socket }> => {
  const [{ default: mysql }, tls] = await Promise.all([driver(), tlsOf(login)]);
  signal.throwIfAborted();
  const socket = dial({ host: login.host, port: login.port });
  const options: ConnectionOptions = {
    ...tls,
    user: login.username,
    password: login.password,
    ...(login.database !== undefined && { database: login.database }),
    stream: socket,
    connectTimeout: CONNECT_MS,
    supportBigNumbers: true,
    connectAttributes: { program_name: "rekey" },
  };
  try {
    const connection = await mysql.createConnection(options);
    // Without a listener a connection that dies between two statements would end the process; the next one reports it.
    connection.on("error", () => undefined);
    return { connection, socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
};

const connected = async <A>(login: Login, signal: AbortSignal, work: (client: Client) => Promise<A>): Promise<A> => {
  const { connection, socket } = await opened(login, signal);
  const leave = () => void socket.destroy();
  signal.addEventListener("abort", leave, { once: true });
  try {
    signal.throwIfAborted();
    return await work(clientOf(connection));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
    // A connection that hangs does not answer its own goodbye.
    connection.destroy();
  }
};

/** ATTRIBUTE came with 8.0.21, performance_schema.processlist (dev.mysql.com/worklog/task/?id=9090) after it. */
const FIRST_MYSQL = 80_022;
const numberOf = (version: string): number => {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  return major * 10_000 + minor * 100 + patch;
};

/** Prepares the session and tells which server it is: only MariaDB knows that variable. MySQL bounds the wait for locks alone. */
const prepared = async (client: Client): Promise<Dialect> => {
  try {
    await client.run(`SET SESSION max_statement_time = ${STATEMENT_S}, sql_mode = ''`);
    return mariadb;
  } catch (error) {
    if (!isError(error, "unknownVariable")) throw error;
    const [row] = await client.rows<{ readonly version: string }>("SELECT VERSION() AS version");
    if (!row || row.version.includes("MariaDB") || numberOf(row.version) < FIRST_MYSQL) throw error;
    await client.run(`SET SESSION lock_wait_timeout = ${STATEMENT_S}, sql_mode = ''`);
    return mysqlServer;
  }
};

/** Works as the rotator's account. Throws Misconfigured, Untrusted, Forbidden, Throttled, Unreachable or DatabaseError. */
export const asAdmin = async <A>(
  login: Login,
  signal: AbortSignal,
  work: (client: Client) => Promise<A>,
): Promise<A> => {
  try {
    return await connected(login, signal, async (client) => {
      return work({ ...client, dialect: await prepared(client) });
    });
  } catch (error) {
    signal.throwIfAborted();
    throw explained(error, login);
  }
};

/** Works as the workload itself. Throws Unusable where the server refuses the login, else as `asAdmin` does. */
export const asWorkload = async <A>(
  login: Login,
  signal: AbortSignal,
  work: (client: Client) => Promise<A>,
): Promise<A> => {
  let isIn = false;
  try {
    return await connected(login, signal, (client) => {
      isIn = true;
      return work(client);
    });
  } catch (error) {
    signal.throwIfAborted();
    throw !isIn && isRefusal(error) ? refusal(error, login) : explained(error, login);
  }
};

/**
 * One real login and one statement, the owner's own where there is one; throws what the driver threw. `isIn` is called
 * once the login has succeeded: what fails after it says nothing about the password.
 */
export const tryLogin = (login: Login, signal: AbortSignal, isIn: () => void, probe = "SELECT 1"): Promise<void> =>
  connected(login, signal, (client) => {
    isIn();
    return client.run(probe);
  });
