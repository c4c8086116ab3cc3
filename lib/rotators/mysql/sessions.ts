import type { Clock } from "../../core/types.ts";
import type { Client } from "./connect.ts";
import type { Asked } from "./dialect.ts";
import { isError } from "./failure.ts";
import { moment } from "./server.ts";

const QUIET_MS = 50;
const PAUSE_MS = 10;
const FEWEST_LOOKS = 4;

type Work = { readonly client: Client; readonly clock: Clock; readonly signal: AbortSignal };
type Sweep = Work & {
  readonly login: string;
  /** Connections with a later id are spared: the server numbers them as they come. Absent: none is spared. */
  readonly upTo?: number;
};

/** One session or half-open handshake of a login. */
export type Session = {
  readonly id: number | string;
  /** Client address and port. */
  readonly host: string;
  readonly program: string | null;
  /** Since the session last began or ended a statement. */
  readonly idleMs: number | string;
};

const asked = (client: Client, { sql, names }: Asked, login: string): Promise<readonly Session[]> =>
  client.rows<Session>(sql, Array<string>(names).fill(login));

/** The login's sessions. Without a right to the performance schema's tables the list of processes alone has to do. */
export const sessionsOf = async (
  client: Client,
  login: string,
  which: "sessions" | "named" = "sessions",
): Promise<readonly Session[]> => {
  try {
    return await asked(client, client.dialect[which], login);
  } catch (error) {
    if (!isError(error, "tableDenied", "noSuchTable", "deniedDatabase")) throw error;
    return asked(client, client.dialect.fewer, login);
  }
};

/** RDS keeps KILL of others to itself and gives this procedure. Source: docs.aws.amazon.com, "mysql.rds_kill". */
const byProcedure = async (client: Client, id: number, denied: unknown): Promise<void> => {
  try {
    await client.run(`CALL mysql.rds_kill(${id})`);
  } catch (error) {
    if (isError(error, "unknownThread")) return;
    throw isError(error, "noSuchProcedure", "routineDenied") ? denied : error;
  }
};

const end = async (client: Client, id: number): Promise<void> => {
  try {
    await client.run(`KILL ${id}`);
  } catch (error) {
    if (isError(error, "unknownThread")) return;
    if (!isError(error, "killDenied", "specificDenied")) throw error;
    await byProcedure(client, id, error);
  }
};

const idsOf = async (rows: Promise<readonly Pick<Session, "id">[]>, upTo: number): Promise<readonly number[]> =>
  (await rows).map(({ id }) => Number(id)).filter((id) => id <= upTo);

/** Of any login where the server does not tell whose they are, but none that began after this sweep. */
const halfOpen = async ({ client }: Sweep, begun: number): Promise<readonly number[]> =>
  client.dialect.halfOpen ? idsOf(client.rows(client.dialect.halfOpen), begun) : [];

/** Ends what is there now: ids of the login's sessions, and how many of all were found. */
const sweepOnce = async (sweep: Sweep, begun: number) => {
  const { client, login, upTo = Number.POSITIVE_INFINITY } = sweep;
  const strangers = await halfOpen(sweep, begun);
  const ids = await idsOf(sessionsOf(client, login), upTo);
  for (const id of [...strangers, ...ids]) await end(client, id);
  return { ids, isQuiet: ids.length + strangers.length === 0 };
};

/**
 * Ends the login's sessions and half-open handshakes until several looks in a row, over 50 ms, find none, and makes the
 * server forget what those may have left in its cache. Returns how many sessions were ended.
 */
export const endSessions = async (sweep: Sweep): Promise<number> => {
  const { client, clock, signal, login } = sweep;
  const begun = client.dialect.halfOpen ? (await moment(client)).connection : 0;
  const ended = new Set<number>();
  let quietSince = clock.ticks();
  for (let looks = 0; looks < FEWEST_LOOKS || clock.ticks() - quietSince < QUIET_MS; ) {
    const { ids, isQuiet } = await sweepOnce(sweep, begun);
    for (const id of ids) ended.add(id);
    looks = isQuiet ? looks + 1 : 0;
    if (!isQuiet) quietSince = clock.ticks();
    await clock.sleep(PAUSE_MS, signal);
  }
  await client.dialect.forget?.(client, login);
  return ended.size;
};
