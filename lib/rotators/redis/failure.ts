import { Forbidden, faultOf, Misconfigured, Throttled, Unreachable, Untrusted, Unusable } from "../../core/errors.ts";
import { scrub } from "../../core/sanitize.ts";
import { type Login, type Node, nameOf } from "./target.ts";

/**
 * What the rotator's user needs and no more, as ACL SETUSER takes it. Whoever may change users may give itself any
 * right: guard this user's password as you would an administrator's.
 */
export const RIGHTS =
  "+acl|setuser +acl|getuser +acl|save +acl|log +config|rewrite +client|list +client|kill +time +multi +exec";

const textOf = (error: object, field: string): string => {
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" ? value : "";
};

/** A server's answer begins with its code: redis.io/docs/latest/develop/reference/protocol-spec (simple errors). */
type Told = { readonly code: string; readonly message: string; readonly isAnswer: boolean };

const ANSWER = /^([A-Z]{2,})(?: |$)/;
/** What EXEC says of itself in front of its own reason. */
const ABORTED = /^EXECABORT Transaction discarded because of: /;

export const told = (error: unknown): Told => {
  if (!(error instanceof Error)) return { code: "", message: "something that is not an Error", isAnswer: false };
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const shown = first instanceof Error ? first : error;
  const code = textOf(shown, "code");
  const message = shown.message.replace(ABORTED, "");
  const answer = code === "" ? ANSWER.exec(message)?.[1] : undefined;
  return { code: answer ?? code, message, isAnswer: answer !== undefined };
};

/** Wrong password, user switched off or no such user: one and the same answer. */
export const isRefusal = (error: unknown): boolean => told(error).code === "WRONGPASS";

/** Another server of the cluster holds the key: asked after the right to run the command, so the right is there. */
export const isElsewhere = (error: unknown): boolean => ["MOVED", "ASK"].includes(told(error).code);

const missing = ({ message }: Told): string => {
  const command = /run the '([a-z|]+)' command/.exec(message)?.[1];
  return command === undefined ? "" : ` (+${command})`;
};

const forbidden = (tell: Told, { username, adminSecret }: Login, where: string): Error =>
  new Forbidden(
    adminSecret === undefined
      ? `${where}: ${username} logs in and may not run its probe${missing(tell)}. Grant it what the probe needs, or correct tag rekey:probe.`
      : `${where}: ${username} lacks a right${missing(tell)}. Run there: ACL SETUSER ${username} ${RIGHTS}`,
  );

const refusedAdmin = ({ username, adminSecret }: Login, where: string): Error =>
  new Misconfigured(
    `${where} refused the rotator's user ${username}. Correct admin secret ${adminSecret ?? ""}: its username and password, and that the user is on.`,
  );

type Explain = (tell: Told, login: Login, where: string) => Error;
const busy: Explain = (tell, _, where) =>
  new Throttled(`${where} takes no commands at this moment (${tell.code}). It is tried again.`);

/** Codes that servers answer with; met in tests, or read in src/server.c of Redis 7.0. */
const KNOWN: Readonly<Record<string, Explain>> = {
  WRONGPASS: (_, login, where) => refusedAdmin(login, where),
  NOPERM: forbidden,
  LOADING: busy,
  BUSY: busy,
  MASTERDOWN: busy,
  CLUSTERDOWN: busy,
  TRYAGAIN: busy,
  DENIED: (_, __, where) =>
    new Misconfigured(`${where} is in protected mode and answers to its own machine only. Bind it, or set a password.`),
};

const isTls = ({ code, message }: Told) =>
  /CERT|SELF_SIGNED|TLS|SSL|UNABLE_TO|ALTNAME|EPROTO/.test(code) || /SSL|certificate|TLS/.test(message);
const AWAY = /^E(CONN|HOST|NET|TIMEDOUT|NOTFOUND|AI_|PIPE)/;
const isAway = ({ code, message }: Told) => AWAY.test(code) || /timeout|closed|Disconnects client/i.test(message);

const untrusted = ({ code, message }: Told, where: string): Error =>
  new Untrusted(
    `${where} could not prove who it is over TLS (${code || message}). Set rekey:tlsCa to the PEM file of its authority, rekey:tlsServerName to the name in its certificate, or write rekey:tls=disable if plain text is meant.`,
  );

const unanswered = (tell: Told, login: Login, where: string): Error => {
  if (isTls(tell)) return untrusted(tell, where);
  if (isAway(tell)) {
    const text = `${where} did not answer (${tell.code || "cut off or timed out"}). Check host and port, that it speaks ${login.tls.tls === "disable" ? "plain text" : "TLS"} there, and that the rotate function of this network may reach it.`;
    return Object.assign(new Unreachable(text), { code: tell.code });
  }
  return new Error(`${where}, as ${login.username}: ${scrub(tell.message, [login.password])}`);
};

const answered = (tell: Told, login: Login, where: string): Error => {
  if (/max number of clients/.test(tell.message)) return busy(tell, login, where);
  if (/unknown (sub)?command/i.test(tell.message)) {
    return new Misconfigured(
      `${where} does not know a command that is needed (${scrub(tell.message, [login.password])}). It takes Redis 6 or later, or Valkey, with its ACL commands open; on ElastiCache and MemoryDB users are kept by an API of AWS's instead.`,
    );
  }
  const text = `${where}, as ${login.username}: ${scrub(tell.message, [login.password])}`;
  return KNOWN[tell.code]?.(tell, login, where) ?? Object.assign(new Error(text), { code: tell.code });
};

const PASSING = new Set(["AbortError", "TimeoutError"]);

/** The same failure as a person needs it: what, where, what to do. */
export const explained = (error: unknown, login: Login, node: Node): Error => {
  if (error instanceof Error && (faultOf(error) !== "other" || PASSING.has(error.name))) return error;
  const tell = told(error);
  const where = `Redis at ${nameOf(node)}`;
  return tell.isAnswer ? answered(tell, login, where) : unanswered(tell, login, where);
};

/** The only words that prove death. */
export const refusal = ({ nodes, username }: Login): Unusable =>
  new Unusable(`Redis at ${nodes.map(nameOf).join(", ")} refused user ${username} (WRONGPASS).`);
