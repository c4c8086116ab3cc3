import { Misconfigured, Unusable } from "../../core/errors.ts";
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
  return code === "28P01" || (code === "28000" && routine === "InitializeSessionUserId");
};

const isTls = ({ code, message }: Told) =>
  /CERT|SELF_SIGNED|TLS|SSL|UNABLE_TO|ALTNAME/.test(code) || /SSL connection|certificate/.test(message);

const MENDS: Readonly<Record<string, (where: string, who: string) => string>> = {
  "3D000": (where, who) => `${where} has no such database for ${who}. Correct dbname.`,
  "25006": (where) => `${where} is a read-only replica. Name the writer's endpoint as host.`,
  "42501": (where, who) =>
    `${where}: ${who} lacks a privilege. Run there what \`provision\` prints for it: CREATEROLE; GRANT pg_signal_backend, pg_read_all_stats; and on PostgreSQL 16 or later GRANT <login> WITH ADMIN TRUE, INHERIT FALSE, SET FALSE.`,
};

const authOf = ({ adminSecret }: Login, where: string, who: string): string =>
  adminSecret === undefined
    ? `${where} does not let ${who} in from here. Check pg_hba.conf (on RDS: security groups and rds.force_ssl).`
    : `${where} refused the rotator's role ${who}. Correct admin secret ${adminSecret}: its username and password, and that the role may log in from here.`;

const misconfigured = (tell: Told, login: Login): string | undefined => {
  const where = `PostgreSQL at ${login.host}:${login.port}`;
  if (tell.code === "28P01" || tell.code === "28000") return authOf(login, where, login.username);
  if (isTls(tell)) {
    return `${where} could not prove who it is over TLS (${tell.code || tell.message}). Set rekey:tlsCa to the PEM file of its authority, rekey:tlsServerName to the name in its certificate, or write rekey:tls=disable if plain text is meant.`;
  }
  return MENDS[tell.code]?.(where, login.username);
};

const UNREACHABLE = /^E(CONN|HOST|NET|TIMEDOUT|NOTFOUND|AI_|PIPE)/;

const doubt = ({ code, message }: Told, { host, port, username, password }: Login): Error => {
  const where = `PostgreSQL at ${host}:${port}`;
  const isAway = UNREACHABLE.test(code) || /timeout expired|terminated unexpectedly/.test(message);
  const text = isAway
    ? `${where} did not answer (${code || "timed out"}). Check host and port, and that the rotate function of this network may reach it.`
    : `${where}, as ${username}: ${scrub(message, [password])}${code && ` (${code})`}`;
  return Object.assign(new Error(text), { name: isAway ? "Unreachable" : "DatabaseError", code });
};

const OURS = new Set(["Unusable", "Misconfigured", "Conflict", "AbortError", "TimeoutError"]);

/** The same failure as a person needs it: what, where, what to do; never a field of the driver's that may hold more. */
export const explained = (error: unknown, login: Login): Error => {
  if (error instanceof Error && OURS.has(error.name)) return error;
  const tell = told(error);
  const text = misconfigured(tell, login);
  return text === undefined ? doubt(tell, login) : new Misconfigured(text);
};

/** The only words that prove death. */
export const refusal = (error: unknown, { host, port, username }: Login): Unusable =>
  new Unusable(`PostgreSQL at ${host}:${port} refused login ${username} (${told(error).code}).`);
