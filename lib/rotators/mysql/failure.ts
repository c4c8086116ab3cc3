import {
  AgainstPolicy,
  Forbidden,
  faultOf,
  Misconfigured,
  Throttled,
  Unreachable,
  Untrusted,
  Unusable,
} from "../../core/errors.ts";
import { scrub } from "../../core/sanitize.ts";
import type { Login } from "./target.ts";

/** Server error numbers. Source: mariadb.com/kb/en/mariadb-error-code-reference */
export const ERROR = {
  noConnectionLeft: 1040,
  deniedDatabase: 1044,
  accessDenied: 1045,
  unknownDatabase: 1049,
  unknownThread: 1094,
  killDenied: 1095,
  tableDenied: 1142,
  columnDenied: 1143,
  noSuchTable: 1146,
  tooManyUserConnections: 1203,
  unknownVariable: 1193,
  lockWait: 1205,
  specificDenied: 1227,
  userLimit: 1226,
  readOnly: 1290,
  noSuchProcedure: 1305,
  routineDenied: 1370,
  noSuchUser: 1396,
  /** MariaDB says so of a role that somebody may not give or take. */
  roleDenied: 1698,
  badPassword: 1819,
  roleNotRevoked: 1962,
  statementTimeout: 1969,
  locked: 4151,
  /** MySQL's own: dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html */
  lockedThere: 3118,
} as const;

type Told = { readonly number: number; readonly code: string; readonly message: string };

const told = (error: unknown): Told => {
  if (!(error instanceof Error)) return { number: 0, code: "", message: "something that is not an Error" };
  // Several addresses of one host were tried: an AggregateError, whose own message is empty.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const shown = first instanceof Error ? first : error;
  const [number, code]: unknown[] = [Reflect.get(shown, "errno"), Reflect.get(shown, "code")];
  return {
    number: typeof number === "number" && number > 0 ? number : 0,
    code: typeof code === "string" ? code : "",
    message: shown.message,
  };
};

export const isError = (error: unknown, ...names: readonly (keyof typeof ERROR)[]): boolean => {
  const { number } = told(error);
  return names.some((name) => ERROR[name] === number);
};

/** The server itself refused this login: wrong password or no such account (1045), or it is locked (4151, on MySQL 3118). */
export const isRefusal = (error: unknown): boolean => isError(error, "accessDenied", "locked", "lockedThere");

const isTls = ({ code, message }: Told) =>
  /CERT|SELF_SIGNED|TLS|SSL|UNABLE_TO|ALTNAME/.test(code) ||
  /secure connection|certificate|self[- ]signed/i.test(message);

type Explain = (where: string, login: Login, message: string) => Error;

const RIGHTS =
  "GRANT CREATE USER, PROCESS, CONNECTION ADMIN ON *.*; GRANT SELECT ON mysql.global_priv; GRANT SELECT ON performance_schema.threads (MySQL: CONNECTION_ADMIN and mysql.user)";

const lacking: Explain = (where, { username, adminSecret }) =>
  new Forbidden(
    adminSecret === undefined
      ? `${where}: ${username} logs in and may not run its probe. Grant it what the probe reads, or correct tag rekey:probe.`
      : `${where}: ${username} lacks a privilege. Run there for it: ${RIGHTS}.`,
  );

const full: Explain = (where, { username }) =>
  new Throttled(`${where} has no connection left for ${username}. It is tried again.`);

const refused: Explain = (where, { username, adminSecret }) =>
  new Misconfigured(
    `${where} refused the rotator's account ${username}. Correct admin secret ${adminSecret}: its username and password, and that the account may log in from here and is not locked. An anonymous account ('' at a narrower host) shadows it, too.`,
  );

const readOnly: Explain = (where, _, message) =>
  /strict-password-validation/.test(message)
    ? new Misconfigured(
        `${where} has a password validation plugin and refuses hashes, which Rekey sends instead of passwords. Set strict_password_validation=OFF there: Rekey's passwords are 190 bits from a CSPRNG.`,
      )
    : new Misconfigured(`${where} is read-only. Name the writer's endpoint as host.`);

const waiting: Explain = (where) =>
  new Throttled(`${where}: somebody holds the tables of accounts locked, such as a backup. It is tried again.`);

const stranger: Explain = (where) =>
  new Misconfigured(
    `${where} does not know MariaDB's accounts or settings, so it is older than Rekey can keep. This kind changes accounts of MariaDB 10.4, MySQL 8.0.22, or later.`,
  );

const KNOWN: Readonly<Record<number, Explain>> = {
  [ERROR.noConnectionLeft]: full,
  [ERROR.tooManyUserConnections]: full,
  [ERROR.userLimit]: full,
  [ERROR.unknownVariable]: stranger,
  [ERROR.lockWait]: waiting,
  [ERROR.statementTimeout]: waiting,
  [ERROR.deniedDatabase]: lacking,
  [ERROR.tableDenied]: lacking,
  [ERROR.columnDenied]: lacking,
  [ERROR.specificDenied]: lacking,
  [ERROR.killDenied]: lacking,
  [ERROR.routineDenied]: lacking,
  [ERROR.accessDenied]: refused,
  [ERROR.locked]: refused,
  [ERROR.lockedThere]: refused,
  [ERROR.unknownDatabase]: (where, { username }) =>
    new Misconfigured(`${where} has no such database for ${username}. Correct dbname.`),
  [ERROR.readOnly]: readOnly,
  [ERROR.badPassword]: (where) =>
    new AgainstPolicy(
      `${where}: its password policy refuses the new password. Set rekey:passwordLength to what it asks for.`,
    ),
};

const AWAY = /^E(CONN|HOST|NET|TIMEDOUT|NOTFOUND|AI_|PIPE)|^PROTOCOL_(CONNECTION_LOST|SEQUENCE_TIMEOUT)/;

const doubt = ({ number, code, message }: Told, { host, port, username, password }: Login): Error => {
  const where = `Server at ${host}:${port}`;
  if (AWAY.test(code) || /closed state/.test(message)) {
    const text = `${where} did not answer (${code || "closed"}). Check host and port, and that the rotate function of this network may reach it.`;
    return Object.assign(new Unreachable(text), { code });
  }
  const text = `${where}, as ${username}: ${scrub(message, [password])}${number > 0 ? ` (${number})` : ""}`;
  return Object.assign(new Error(text), { name: "DatabaseError", code });
};

const PASSING = new Set(["AbortError", "TimeoutError"]);

/** The same failure as a person needs it: what, where, what to do; never a field of the driver's that may hold more. */
export const explained = (error: unknown, login: Login): Error => {
  if (error instanceof Error && (faultOf(error) !== "other" || PASSING.has(error.name))) return error;
  const tell = told(error);
  const where = `Server at ${login.host}:${login.port}`;
  const known = KNOWN[tell.number]?.(where, login, tell.message);
  if (known) return known;
  if (tell.number === 0 && isTls(tell)) {
    return new Untrusted(
      `${where} could not prove who it is over TLS (${tell.code || tell.message}). Set rekey:tlsCa to the PEM file of its authority, rekey:tlsServerName to the name in its certificate, or write rekey:tls=disable if plain text is meant.`,
    );
  }
  return doubt(tell, login);
};

/** The only words that prove death. */
export const refusal = (error: unknown, { host, port, username }: Login): Unusable =>
  new Unusable(`Server at ${host}:${port} refused login ${username} (${told(error).number}).`);
