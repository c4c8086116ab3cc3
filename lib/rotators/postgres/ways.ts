import type { Client } from "pg";
import { faultOf } from "../../core/errors.ts";
import type { Secret } from "../../core/secret.ts";
import type { Deps } from "../../core/types.ts";
import { keptAdmin } from "./connect.ts";
import { adminLogin, type Login, placeOf, type Target, type Where } from "./target.ts";

type Request = { readonly target: Target; readonly material: Secret<Where>; readonly signal: AbortSignal };
type Kept = { readonly login: Login; readonly client: Client; readonly since: number };

/**
 * Connections of the rotator's role, left open for a moment by admin secret, address and TLS settings: what follows on
 * the same server (more versions, more credentials of one incident) need not read the admin secret and log in again.
 */
const kept = new WeakMap<Deps, Map<string, Kept>>();
const keptOf = (deps: Deps): Map<string, Kept> => {
  const all = kept.get(deps) ?? new Map<string, Kept>();
  kept.set(deps, all);
  return all;
};

const keyOf = ({ target, material }: Request): string => {
  const held = material.reveal();
  const { host, port, database } = placeOf(target, held);
  return JSON.stringify([
    target.admin ?? held["masterarn"],
    host,
    port,
    database,
    target.tls,
    target.tlsCa,
    target.tlsServerName,
  ]);
};

const KEEP_MS = 10_000;
/** The server ends it by itself: a function that is frozen between two calls cannot. From PostgreSQL 14 on. */
const END_BY_ITSELF = `SET idle_session_timeout = ${KEEP_MS + 2_000}`;

const leave = (client: Client) => client.end().catch(() => undefined);

const keep = async (deps: Deps, key: string, login: Login, client: Client): Promise<void> => {
  try {
    await client.query(END_BY_ITSELF);
  } catch {
    await leave(client);
    return;
  }
  // Two calls at a time have a connection each; one of them is enough for what follows.
  if (keptOf(deps).has(key)) return void (await leave(client));
  const one = { login, client, since: deps.clock.ticks() };
  keptOf(deps).set(key, one);
  const discard = () => {
    // Taken meanwhile: whoever has it keeps it again or ends it.
    if (keptOf(deps).get(key) !== one) return;
    keptOf(deps).delete(key);
    void leave(client);
  };
  setTimeout(discard, KEEP_MS).unref();
};

/** One that is nobody else's at this moment. */
const taken = (deps: Deps, key: string): Kept | undefined => {
  const one = keptOf(deps).get(key);
  if (!one || deps.clock.ticks() - one.since > KEEP_MS) return undefined;
  keptOf(deps).delete(key);
  return one;
};

/** What a connection that has died in the meantime looks like; all work here can be done twice. */
const mayBeStale = (error: unknown) => ["unreachable", "other"].includes(faultOf(error));

/**
 * Works as the rotator's role at the server of the material, over a connection of the last seconds where there is one.
 * Not for work that pauses: the server ends what it hears nothing from. Throws as `adminLogin` and `asAdmin` do.
 */
export const asRotator = async <A>(deps: Deps, request: Request, work: (client: Client) => Promise<A>): Promise<A> => {
  const key = keyOf(request);
  const known = taken(deps, key);
  if (known) {
    try {
      return await over(deps, key, request, work, known);
    } catch (error) {
      if (!mayBeStale(error)) throw error;
    }
  }
  const login = await adminLogin(deps, request.target, request.material);
  return over(deps, key, request, work, { login });
};

const over = async <A>(
  deps: Deps,
  key: string,
  { signal }: Request,
  work: (client: Client) => Promise<A>,
  { login, client: open }: { readonly login: Login; readonly client?: Client },
): Promise<A> => {
  const { client, result } = await keptAdmin(login, signal, work, open);
  await keep(deps, key, login, client);
  return result;
};
