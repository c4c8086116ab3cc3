import type { Clock } from "../../core/types.ts";
import type { Client } from "./connect.ts";
import { isError } from "./failure.ts";

const QUIET_MS = 50;
const PAUSE_MS = 10;
const FEWEST_LOOKS = 4;

type Work = { readonly client: Client; readonly clock: Clock; readonly signal: AbortSignal };
type Sweep = Work & {
  readonly login: string;
  /** Connections with a later id are spared: the server numbers them as they come. Absent: none is spared. */
  readonly upTo?: number;
};
type Id = { readonly id: number };

/**
 * The list of processes names a session that is inside another definer's routine by that definer, so that the
 * performance schema is asked too, which keeps to who logged in. It is empty where it is off. A half-open handshake is
 * in the list as soon as the server knows its name. Killed ones that still roll back have no client any more.
 */
const BOTH = `SELECT p.ID AS id FROM information_schema.PROCESSLIST p
  LEFT JOIN performance_schema.threads t ON t.PROCESSLIST_ID = p.ID
  WHERE (BINARY p.USER = ? OR BINARY t.PROCESSLIST_USER = ?) AND p.COMMAND <> 'Killed'`;
const LIST = "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE BINARY USER = ? AND COMMAND <> 'Killed'";

/** Ids of the login's sessions. Without a right to the performance schema the list alone has to do. */
const sessionsOf = async (client: Client, login: string): Promise<readonly number[]> => {
  try {
    return (await client.rows<Id>(BOTH, [login, login])).map(({ id }) => Number(id));
  } catch (error) {
    if (!isError(error, "tableDenied", "noSuchTable", "deniedDatabase")) throw error;
    return (await client.rows<Id>(LIST, [login])).map(({ id }) => Number(id));
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

/**
 * Ends the login's sessions and half-open handshakes until several looks in a row, over 50 ms, find none. Returns how
 * many were ended.
 */
export const endSessions = async ({ client, clock, signal, login, upTo }: Sweep): Promise<number> => {
  const ended = new Set<number>();
  let quietSince = clock.ticks();
  let looks = 0;
  while (looks < FEWEST_LOOKS || clock.ticks() - quietSince < QUIET_MS) {
    const ids = (await sessionsOf(client, login)).filter((id) => upTo === undefined || id <= upTo);
    for (const id of ids) {
      await end(client, id);
      ended.add(id);
    }
    looks = ids.length === 0 ? looks + 1 : 0;
    if (ids.length > 0) quietSince = clock.ticks();
    await clock.sleep(PAUSE_MS, signal);
  }
  return ended.size;
};
