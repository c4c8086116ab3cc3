import type { Client, QueryResult } from "pg";
import { Misconfigured } from "../../core/errors.ts";
import type { Clock } from "../../core/types.ts";
import { told } from "./failure.ts";
import { identifier, literal } from "./quote.ts";

/**
 * A managed login as its server has it. The lock time of a contained login is kept in the target itself, as its
 * VALID UNTIL: an attribute that the rotator owns, that survives us, and that every rotate function sees alike.
 */
export type Role = {
  readonly canLogin: boolean;
  /** VALID UNTIL as ISO text, null when never set. */
  readonly validUntil: string | null;
  /** How long ago VALID UNTIL passed, ms; null when it has not. */
  readonly lockedForMs: number | null;
  readonly handshakeMs: number;
  /** Acts as its owner, or as its reader once it was made narrower. True as well where no owner was asked for. */
  readonly isWired: boolean;
};
export type Work = { readonly client: Client; readonly clock: Clock; readonly signal: AbortSignal };

const FIELDS = `rolcanlogin AS "canLogin", rolvaliduntil::text AS "validUntil",
  CASE WHEN isfinite(rolvaliduntil) AND rolvaliduntil <= clock_timestamp()
    THEN 1000 * extract(epoch FROM clock_timestamp() - rolvaliduntil)::float8 END AS "lockedForMs",
  1000 * extract(epoch FROM current_setting('authentication_timeout')::interval)::float8 AS "handshakeMs"`;

/** Whom a login is to act as. */
export type Acting = { readonly owner?: string | undefined; readonly reader?: string | undefined };

/** Looks a login up; undefined when the server has no such role. */
export const look = async (client: Client, login: string, as: Acting = {}): Promise<Role | undefined> => {
  const { rows } = await client.query<Role>(
    `SELECT ${FIELDS}, $2::text IS NULL OR EXISTS (
       SELECT FROM pg_roles o WHERE o.rolname IN ($2, $3) AND 'role=' || o.rolname = ANY (r.rolconfig)
       AND pg_has_role(r.oid, o.oid, 'MEMBER')) AS "isWired"
     FROM pg_roles r WHERE rolname = $1`,
    [login, as.owner ?? null, as.reader ?? null],
  );
  return rows[0];
};

const MOST_TRIES = 5;
const AGAIN_MS = 20;

/** Two changes of one role at a time collide (XX000): the later is made again. */
const alter = async ({ client, clock, signal }: Work, sql: string, tries = 1): Promise<readonly QueryResult[]> => {
  try {
    const done: QueryResult | QueryResult[] = await client.query(sql);
    return Array.isArray(done) ? done : [done];
  } catch (error) {
    if (told(error).message !== "tuple concurrently updated" || tries >= MOST_TRIES) throw error;
    await clock.sleep(AGAIN_MS * tries, signal);
    return alter({ client, clock, signal }, sql, tries + 1);
  }
};

type Before = Pick<Role, "canLogin" | "validUntil"> & { readonly hasPassed: boolean | null };

/** Cheap on purpose: it runs in front of the statement that counts, on a connection whose caches are cold. */
const glance = (login: string): string =>
  `SELECT rolcanlogin AS "canLogin", rolvaliduntil::text AS "validUntil", rolvaliduntil <= now() AS "hasPassed"
   FROM pg_roles WHERE rolname = ${literal(login)}`;

const MISSING = "42704";

/**
 * Forbids the login, committed by one message in one round trip, before anything else is asked. `'now'` is read by the
 * server, on its clock. Resolves to what the login was, undefined when there is none. A login that was locked before
 * keeps the earlier lock time.
 */
export const lock = async (work: Work, login: string): Promise<Before | undefined> => {
  const forbid = `ALTER ROLE ${identifier(login)} NOLOGIN VALID UNTIL 'now'`;
  let results: readonly QueryResult[];
  try {
    results = await alter(work, `${glance(login)}; ${forbid}`);
  } catch (error) {
    if (told(error).code === MISSING) return undefined;
    throw error;
  }
  const before: Before | undefined = results[0]?.rows[0];
  const wasLocked = before && !before.canLogin && before.hasPassed && before.validUntil;
  if (wasLocked) await alter(work, `ALTER ROLE ${identifier(login)} VALID UNTIL ${literal(wasLocked)}`);
  return before;
};

type Change = { readonly verifier?: string; readonly validUntil?: string; readonly unlock?: true };

/** Sets the password by its verifier, if there is one. `unlock` says until when the login holds, and lets it in again. */
export const change = async (work: Work, login: string, { verifier, ...change }: Change): Promise<void> => {
  const words = [
    change.unlock ? "LOGIN" : "",
    verifier === undefined ? "" : `PASSWORD ${literal(verifier)}`,
    change.validUntil === undefined ? "" : `VALID UNTIL ${literal(change.validUntil)}`,
  ];
  await alter(work, `ALTER ROLE ${identifier(login)} ${words.filter(Boolean).join(" ")}`);
};

/** Beyond `authentication_timeout`, for the server's own delays. */
const MARGIN_MS = 5_000;

/** How long something begun before could still come alive, ms. */
export const settlesIn = ({ handshakeMs }: Role): number => handshakeMs + MARGIN_MS;

/** Throws Misconfigured: which login is missing, or not wired to its owner, and the statements that mend it. */
export const present = (role: Role | undefined, login: string, owner: string | undefined): Role => {
  const [name, to] = [identifier(login), owner === undefined ? "" : identifier(owner)];
  if (!role) {
    throw new Misconfigured(
      `There is no login ${login}. Run there: CREATE ROLE ${name} LOGIN${to && ` IN ROLE ${to}`}; and the grants that \`provision\` prints.`,
    );
  }
  if (role.isWired) return role;
  throw new Misconfigured(
    `Login ${login} does not act as its owner ${owner}, so that what it creates would be out of the other login's reach. Run there: GRANT ${to} TO ${name}; ALTER ROLE ${name} SET role = ${literal(owner ?? "")};`,
  );
};

/**
 * Waits until no handshake begun before the login was locked can still end in a session: the server reads the password
 * when a handshake begins and the right to log in when it ends, up to `authentication_timeout` later. Looks again
 * after waiting, since somebody may have locked it anew.
 */
export const sitOut = async (work: Work, login: string, role: Role): Promise<void> => {
  const left = settlesIn(role) - (role.lockedForMs ?? 0);
  if (left <= 0) return;
  await work.clock.sleep(Math.ceil(left), work.signal);
  const now = await look(work.client, login);
  const isSame = now === undefined || now.canLogin || now.validUntil === role.validUntil;
  if (!isSame) await sitOut(work, login, now);
};
