import { type Account, at, hashOf, literal, type Method, NATIVE, name, type Wanted } from "./accounts.ts";
import type { Client } from "./connect.ts";
import type { Dialect } from "./dialect.ts";
import { markHash, readMark } from "./mark.ts";

type Way = { readonly plugin?: string; readonly authentication_string?: string };
type Stored = Way & {
  readonly account_locked?: boolean;
  readonly is_role?: boolean;
  /** All ways in; an empty object stands for the way that the outer fields give. */
  readonly auth_or?: readonly Way[];
};
type Row = { readonly Host: string; readonly Priv: string };

const waysOf = (stored: Stored): readonly Method[] =>
  (stored.auth_or ?? [{}]).map(({ plugin = stored.plugin, authentication_string = stored.authentication_string }) => ({
    plugin: plugin ?? NATIVE,
    hash: authentication_string ?? "",
  }));

const accountOf = (user: string, { Host: host, Priv }: Row): readonly Account[] => {
  const stored = JSON.parse(Priv) as Stored;
  if (stored.is_role) return [];
  const ways = waysOf(stored);
  const mark = ways.flatMap(({ hash }) => readMark(hash) ?? [])[0];
  const methods = ways.filter(({ hash }) => readMark(hash) === undefined);
  return [{ user, host, isLocked: stored.account_locked === true, methods, ...(mark && { mark }) }];
};

const look = async (client: Client, user: string): Promise<readonly Account[]> => {
  const rows = await client.rows<Row>(
    "SELECT Host, CONVERT(Priv USING utf8mb4) AS Priv FROM mysql.global_priv WHERE BINARY User = ? ORDER BY Host",
    [user],
  );
  return rows.flatMap((row) => accountOf(user, row));
};

const native = (hash: string): Method => ({ plugin: NATIVE, hash });
const way = ({ plugin, hash }: Method): string => `${name(plugin)}${hash === "" ? "" : ` USING ${literal(hash)}`}`;

/** Writes them all with one statement. The mark comes last, so that a login meets the passwords first. */
const write = async (client: Client, wanted: readonly Wanted[]): Promise<void> => {
  const all = wanted.map(({ account, methods, mark }) => {
    const known = methods.map((one) => ("password" in one ? native(hashOf(one.password)) : one));
    return `${at(account)} IDENTIFIED VIA ${[...known, native(markHash(mark))].map(way).join(" OR ")}`;
  });
  await client.run(`ALTER USER ${all.join(", ")}`);
};

const MOMENT = `SELECT UNIX_TIMESTAMP() AS at, @@connect_timeout AS timeout,
  (SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME') AS uptime,
  (SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'CONNECTIONS') AS connections`;

/**
 * The list of processes names a session that is inside another definer's routine by that definer, so that the
 * performance schema is asked too, which keeps to who logged in. It is empty where it is off. A half-open handshake is
 * in the list as soon as the server knows its name. Killed ones that still roll back have no client any more.
 */
const SESSIONS = `SELECT p.ID AS id FROM information_schema.PROCESSLIST p
  LEFT JOIN performance_schema.threads t ON t.PROCESSLIST_ID = p.ID
  WHERE (BINARY p.USER = ? OR BINARY t.PROCESSLIST_USER = ?) AND p.COMMAND <> 'Killed'`;
const NAMED = `SELECT p.ID AS id, p.HOST AS host, p.TIME_MS AS idleMs, a.ATTR_VALUE AS program
  FROM information_schema.PROCESSLIST p
  LEFT JOIN performance_schema.threads t ON t.PROCESSLIST_ID = p.ID
  LEFT JOIN performance_schema.session_connect_attrs a ON a.PROCESSLIST_ID = p.ID AND a.ATTR_NAME = 'program_name'
  WHERE (BINARY p.USER = ? OR BINARY t.PROCESSLIST_USER = ?) AND p.COMMAND <> 'Killed'`;
const FEWER = `SELECT ID AS id, HOST AS host, TIME_MS AS idleMs, NULL AS program
  FROM information_schema.PROCESSLIST WHERE BINARY USER = ? AND COMMAND <> 'Killed'`;

const SERVER = `SELECT VERSION() AS version, @@read_only AS isReadOnly, @@performance_schema AS hasSchema,
    CURRENT_USER() AS me,
    (SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'SSL_CIPHER') AS cipher`;

/** MariaDB 10.4 or later: an account takes several passwords, joined by OR, and the mark is one more of them. */
export const mariadb: Dialect = {
  name: "MariaDB",
  plugin: NATIVE,
  convert: `IDENTIFIED VIA ${NATIVE}`,
  // Source: mariadb.com/kb/en/grant, global privileges.
  rights: ["CREATE USER", "PROCESS", "CONNECTION ADMIN"],
  tables: ["mysql.global_priv", "performance_schema.threads"],
  look,
  write,
  remark: write,
  moment: MOMENT,
  sessions: { sql: SESSIONS, names: 2 },
  named: { sql: NAMED, names: 2 },
  fewer: { sql: FEWER, names: 1 },
  server: SERVER,
};
