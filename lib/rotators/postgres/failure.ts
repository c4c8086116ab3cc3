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

/** The parts of a driver's error that say what happened. Source: postgresql.org/docs/current/protocol-error-fields.html */
type Told = { readonly code: string; readonly routine: string; readonly message: string };

const textOf = (error: object, field: string): string => {
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" ? value : "";
};

export const told = (error: unknown): Told => {
  if (!(error instanceof Error)) return { code: "", routine: "", message: "something that is not an Error" };
  // Several addresses of one host were tried: an AggregateError, whose own message is empty.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const shown = first instanceof Error ? first : error;
  return { code: textOf(shown, "code"), routine: textOf(shown, "routine"), message: shown.message };
};

/**
 * Whether the server itself refused this login: wrong password (28P01, raised for a missing role or none set as well),
 * or the role is missing or NOLOGIN (28000 raised by InitializeSessionUserId). 28000 from anywhere else is pg_hba.conf
 * speaking of where we come from, which says nothing about the material.
 */
export const isRefusal = (error: unknown): boolean => {
  const { code, routine } = told(error);
  const isUnknown = code === "28000" && routine === "InitializeSessionUserId";
  return code === "28P01" || isUnknown || error instanceof Unusable;
};

const isTls = ({ code, message }: Told) =>
  /CERT|SELF_SIGNED|TLS|SSL|UNABLE_TO|ALTNAME/.test(code) || /SSL connection|certificate/.test(message);

type Explain = (where: string, login: Login) => Error;

/** Source of the codes: postgresql.org/docs/current/errcodes-appendix.html */
const KNOWN: Readonly<Record<string, Explain>> = {
  "3D000": (where, { username }) => new Misconfigured(`${where} has no such database for ${username}. Correct dbname.`),
  "25006": (where) => new Misconfigured(`${where} is a read-only replica. Name the writer's endpoint as host.`),
  "42501": (where, { username, adminSecret }) =>
    new Forbidden(
      adminSecret === undefined
        ? `${where}: ${username} logs in and may not run its probe. Grant it what the probe reads, or correct tag rekey:probe.`
        : `${where}: ${username} lacks a privilege. Run there what \`provision\` prints for it: CREATEROLE; GRANT pg_signal_backend, pg_read_all_stats; and on PostgreSQL 16 or later GRANT <login> WITH ADMIN TRUE, INHERIT FALSE, SET FALSE.`,
    ),
  "53300": (where, { username }) =>
    new Throttled(
      `${where} has no connection left for ${username}. It is tried again; reserve one with reserved_connections.`,
    ),
};

/** PAM's refusal has a code and routine of its own; it says something about who signed, and nothing about the login. */
const isTokenRefused = ({ code, routine }: Told, { token }: Login) =>
  token !== undefined && code === "28000" && routine === "auth_failed";

const tokenRefused = (where: string, { username }: Login): Error =>
  new Forbidden(
    `${where} did not take the token that Rekey signed for ${username}, which says nothing about that login. Tag the DB instance or cluster with the rekey:network of this secret: that lets the rotate function's role rds-db:connect to it. If it is tagged, IAM authentication is off, or host is not the endpoint's own name.`,
  );

const authOf = ({ adminSecret }: Login, where: string, who: string): Error =>
  new Misconfigured(
    adminSecret === undefined
      ? `${where} does not let ${who} in from here. Check pg_hba.conf (on RDS: security groups and rds.force_ssl).`
      : `${where} refused the rotator's role ${who}. Correct admin secret ${adminSecret}: its username and password, and that the role may log in from here.`,
  );

/** A password check of the server's (module passwordcheck, or RDS's own) speaks in routine check_password. */
const isPolicy = ({ code, routine }: Told) => code === "22023" && routine === "check_password";

const known = (tell: Told, login: Login): Error | undefined => {
  const where = `PostgreSQL at ${login.host}:${login.port}`;
  if (isTokenRefused(tell, login)) return tokenRefused(where, login);
  if (tell.code === "28P01" || tell.code === "28000") return authOf(login, where, login.username);
  if (isTls(tell)) {
    return new Untrusted(
      `${where} could not prove who it is over TLS (${tell.code || tell.message}). Set rekey:tlsCa to the PEM file of its authority, rekey:tlsServerName to the name in its certificate, or write rekey:tls=disable if plain text is meant.`,
    );
  }
  if (isPolicy(tell)) {
    return new AgainstPolicy(
      `${where}: its password policy refuses the new password. Set rekey:passwordLength to what it asks for, or let it accept SCRAM verifiers.`,
    );
  }
  return KNOWN[tell.code]?.(where, login);
};

const AWAY = /^E(CONN|HOST|NET|TIMEDOUT|NOTFOUND|AI_|PIPE)/;

const doubt = ({ code, message }: Told, { host, port, username, password }: Login): Error => {
  const where = `PostgreSQL at ${host}:${port}`;
  if (AWAY.test(code) || /timeout expired|terminated unexpectedly/.test(message)) {
    const text = `${where} did not answer (${code || "timed out"}). Check host and port, and that the rotate function of this network may reach it.`;
    return Object.assign(new Unreachable(text), { code });
  }
  const text = `${where}, as ${username}: ${scrub(message, password === undefined ? [] : [password])}${code && ` (${code})`}`;
  return Object.assign(new Error(text), { name: "DatabaseError", code });
};

const PASSING = new Set(["AbortError", "TimeoutError"]);

/** The same failure as a person needs it: what, where, what to do; never a field of the driver's that may hold more. */
export const explained = (error: unknown, login: Login): Error => {
  if (error instanceof Error && (faultOf(error) !== "other" || PASSING.has(error.name))) return error;
  const tell = told(error);
  return known(tell, login) ?? doubt(tell, login);
};

/** The only words that prove death. */
export const refusal = (error: unknown, { host, port, username }: Login): Unusable =>
  error instanceof Unusable
    ? error
    : new Unusable(`PostgreSQL at ${host}:${port} refused login ${username} (${told(error).code}).`);
