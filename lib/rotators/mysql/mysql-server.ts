import { Conflict } from "../../core/errors.ts";
import { type Account, at, type Fresh, literal, type Method, type Wanted } from "./accounts.ts";
import type { Client } from "./connect.ts";
import type { Dialect } from "./dialect.ts";
import { markHash, readMark } from "./mark.ts";

const SHA2 = "caching_sha2_password";

type Row = {
  readonly host: string;
  readonly plugin: string;
  readonly locked: string;
  /** In hexadecimal: salts are bytes, not text. */
  readonly first: string | null;
  readonly second: string | null;
  readonly mark: string | null;
};

/** Source: dev.mysql.com/doc/refman/8.4/en/grant-tables.html; the mark is where ATTRIBUTE puts it. */
const LOOK = `SELECT Host AS host, plugin, account_locked AS locked, HEX(authentication_string) AS first,
  HEX(JSON_UNQUOTE(JSON_EXTRACT(User_attributes, '$.additional_password'))) AS second,
  JSON_UNQUOTE(JSON_EXTRACT(User_attributes, '$.metadata.rekey')) AS mark
  FROM mysql.user WHERE BINARY User = ? ORDER BY Host`;

/** Stands where a password was: a digest of nothing but zeros, that no password is known to have. It lets nobody in. */
const NOBODY = `$A$005$${"R".repeat(20)}${".".repeat(43)}`;
const text = (hex: string | null): string => Buffer.from(hex ?? "", "hex").toString("latin1");

const accountOf = (user: string, { host, plugin, locked, first, second, mark: stored }: Row): Account => {
  const slots = [first, second].flatMap((hex) => (hex ? [{ plugin, hash: text(hex) }] : []));
  // An account without a password lets everybody in, and one of another plugin is refused by its name.
  const known = slots.length > 0 ? slots : [{ plugin, hash: "" }];
  const methods = known.filter(({ hash }) => hash !== NOBODY);
  const mark = stored === null ? undefined : readMark(stored);
  return { user, host, isLocked: locked === "Y", methods, slots, ...(mark && { mark }) };
};

const as = ({ hash }: Pick<Method, "hash">): string =>
  `IDENTIFIED WITH ${SHA2} AS 0x${Buffer.from(hash, "latin1").toString("hex")}`;
const DISCARD = "DISCARD OLD PASSWORD";
const by = ({ password }: Fresh): string => `IDENTIFIED WITH ${SHA2} BY ${literal(password)}`;

/** Which of the account's two passwords are among the wanted ones. */
type Kept = { readonly first: boolean; readonly second: boolean; readonly hasSecond: boolean };

/** In clear text, because only BY can keep another password beside it; the server's own logs show <secret> in its place. */
const stepsWith = (fresh: Fresh, { first, second, hasSecond }: Kept): readonly string[] => {
  if (first) return [`${by(fresh)} RETAIN CURRENT PASSWORD`];
  return second || !hasSecond ? [by(fresh)] : [by(fresh), DISCARD];
};
const stepsWithout = (promoted: Method | undefined, { first, second, hasSecond }: Kept): readonly string[] => {
  if (first && second) return [];
  const option = promoted && second ? [as(promoted)] : [as({ hash: NOBODY })];
  return [...(first ? [] : option), ...(hasSecond ? [DISCARD] : [])];
};

/**
 * What turns the account's two passwords into the wanted ones, each an option of ALTER USER. Changing the first leaves
 * the second, RETAIN CURRENT PASSWORD replaces the second by the first:
 * dev.mysql.com/doc/refman/8.4/en/password-management.html, dual passwords.
 */
const steps = ({ slots = [] }: Account, wanted: Wanted["methods"]): readonly string[] => {
  const [first, second] = slots;
  const fresh = wanted.filter((one): one is Fresh => "password" in one);
  if (wanted.length > 2 || fresh.length > 1)
    throw new Conflict("A MySQL account takes two passwords, and one new one at a time.");
  const hashes = wanted.flatMap((one) => ("hash" in one ? [one.hash] : []));
  const keeps = (slot: Method | undefined) => slot !== undefined && hashes.includes(slot.hash);
  const kept = { first: keeps(first), second: keeps(second), hasSecond: second !== undefined };
  const [coming] = fresh;
  return coming ? stepsWith(coming, kept) : stepsWithout(second, kept);
};

/** One statement a step, the mark with the last: a crash between two is seen from the account and finished. */
const write = async (client: Client, wanted: readonly Wanted[]): Promise<void> => {
  for (const { account, methods, mark } of wanted) {
    const all = steps(account, methods);
    for (const step of all.slice(0, -1)) await client.run(`ALTER USER ${at(account)} ${step}`);
    await client.run(`ALTER USER ${at(account)} ${all.at(-1) ?? ""} ${attribute(mark)}`);
  }
};

/** Merged into the account's other attributes: dev.mysql.com/doc/refman/8.4/en/create-user.html, comment and attribute. */
const attribute = (mark: Wanted["mark"]): string => `ATTRIBUTE ${literal(JSON.stringify({ rekey: markHash(mark) }))}`;
const remark = async (client: Client, wanted: readonly Wanted[]): Promise<void> => {
  for (const { account, mark } of wanted) await client.run(`ALTER USER ${at(account)} ${attribute(mark)}`);
};

const look = async (client: Client, user: string): Promise<readonly Account[]> =>
  (await client.rows<Row>(LOOK, [user])).map((row) => accountOf(user, row));

/**
 * The server caches a proof of each password that has logged in, and a handshake that began before a change puts the
 * old password's back in: from then on it is taken again (measured: docs/explanation/mysql.md). Writing the password
 * that is there anyway empties the cache for the account.
 */
const forget = async (client: Client, user: string): Promise<void> => {
  for (const account of await look(client, user)) {
    const [first] = account.slots ?? [];
    if (first?.plugin === SHA2) await client.run(`ALTER USER ${at(account)} ${as(first)}`);
  }
};

/** Whose they will be is not told before they are through: measured, docs/explanation/mysql.md. */
const HALF_OPEN = "SELECT ID AS id FROM performance_schema.processlist WHERE USER = 'unauthenticated user'";

const MOMENT = `SELECT UNIX_TIMESTAMP() AS at, @@connect_timeout AS timeout,
  (SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime') AS uptime,
  (SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Connections') AS connections`;

const SESSIONS = `SELECT p.ID AS id FROM performance_schema.processlist p
  LEFT JOIN performance_schema.threads t ON t.PROCESSLIST_ID = p.ID
  WHERE (BINARY p.USER = ? OR BINARY t.PROCESSLIST_USER = ?) AND p.COMMAND <> 'Killed'`;
const NAMED = `SELECT p.ID AS id, p.HOST AS host, p.TIME * 1000 AS idleMs, a.ATTR_VALUE AS program
  FROM performance_schema.processlist p
  LEFT JOIN performance_schema.threads t ON t.PROCESSLIST_ID = p.ID
  LEFT JOIN performance_schema.session_connect_attrs a ON a.PROCESSLIST_ID = p.ID AND a.ATTR_NAME = 'program_name'
  WHERE (BINARY p.USER = ? OR BINARY t.PROCESSLIST_USER = ?) AND p.COMMAND <> 'Killed'`;
const FEWER = `SELECT ID AS id, HOST AS host, TIME * 1000 AS idleMs, NULL AS program
  FROM performance_schema.processlist WHERE BINARY USER = ? AND COMMAND <> 'Killed'`;

const SERVER = `SELECT VERSION() AS version, @@read_only AS isReadOnly, @@performance_schema AS hasSchema,
    CURRENT_USER() AS me,
    (SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher') AS cipher`;

/** Source of the columns: dev.mysql.com/doc/refman/8.4/en/grant-tables.html; limits and TLS are no grants since 8.0. */
const TRAITS = `SELECT CONCAT('ALTER USER {account} WITH MAX_QUERIES_PER_HOUR ', max_questions, ' MAX_UPDATES_PER_HOUR ', max_updates,
    ' MAX_CONNECTIONS_PER_HOUR ', max_connections, ' MAX_USER_CONNECTIONS ', max_user_connections) AS statement
  FROM mysql.user WHERE BINARY User = ? AND Host = ?
    AND max_questions + max_updates + max_connections + max_user_connections > 0
  UNION ALL SELECT CONCAT('ALTER USER {account} REQUIRE ', IF(ssl_type = 'ANY', 'SSL', ssl_type))
  FROM mysql.user WHERE BINARY User = ? AND Host = ? AND ssl_type <> ''
  UNION ALL SELECT CONCAT('SET DEFAULT ROLE ', GROUP_CONCAT('\`', DEFAULT_ROLE_USER, '\`@\`', DEFAULT_ROLE_HOST, '\`' ORDER BY 1), ' TO {account}')
  FROM mysql.default_roles WHERE BINARY USER = ? AND HOST = ? HAVING COUNT(*) > 0`;

/** MySQL 8.0.22 or later: an account has a current and a retained password, and attributes, of which the mark is one. */
export const mysqlServer: Dialect = {
  name: "MySQL",
  plugin: SHA2,
  convert: `IDENTIFIED WITH ${SHA2} BY RANDOM PASSWORD`,
  rights: ["CREATE USER", "PROCESS", "CONNECTION_ADMIN"],
  tables: ["mysql.user", "performance_schema.threads"],
  look,
  write,
  remark,
  moment: MOMENT,
  sessions: { sql: SESSIONS, names: 2 },
  named: { sql: NAMED, names: 2 },
  fewer: { sql: FEWER, names: 1 },
  halfOpen: HALF_OPEN,
  forget,
  traits: TRAITS,
  server: SERVER,
};
