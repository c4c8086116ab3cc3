import type { Client } from "pg";
import { Misconfigured } from "../../core/errors.ts";
import type { Clock } from "../../core/types.ts";
import { identifier } from "./quote.ts";

/** Measured: one look let a reconnecting client slip through in 2 of 40 runs, looking for 50 ms in 0 of 40. */
const QUIET_MS = 50;
const PAUSE_MS = 10;
const FEWEST_LOOKS = 4;

type Sweep = {
  readonly login: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** On the server's clock: later sessions are spared. Absent: every session ends. */
  readonly begunBefore?: string;
};

type Seen = { readonly pid: number; readonly isHidden: boolean; readonly isEnded: boolean | null; readonly me: string };

const look = async (client: Client, { login, begunBefore }: Sweep): Promise<readonly number[]> => {
  const { rows } = await client.query<Seen>(
    `SELECT pid, $2::timestamptz IS NOT NULL AND backend_start IS NULL AS "isHidden", current_user AS me,
       CASE WHEN $2::timestamptz IS NULL OR backend_start < $2::timestamptz THEN pg_terminate_backend(pid) END AS "isEnded"
     FROM pg_stat_activity WHERE usename = $1`,
    [login, begunBefore ?? null],
  );
  const hidden = rows.find(({ isHidden }) => isHidden);
  if (hidden) {
    throw new Misconfigured(
      `${hidden.me} may not see when the sessions of ${login} began, so older ones cannot be told from those of the version in force. Run there: GRANT pg_read_all_stats TO ${identifier(hidden.me)};`,
    );
  }
  return rows.filter(({ isEnded }) => isEnded !== null).map(({ pid }) => pid);
};

/**
 * Ends the login's sessions until several looks in a row, over 50 ms, find none. Returns how many were ended. A
 * handshake held open is in no view, so that only NOLOGIN, or looking again after `authentication_timeout`, answers it.
 */
export const endSessions = async (client: Client, sweep: Sweep): Promise<number> => {
  const { clock, signal } = sweep;
  const ended = new Set<number>();
  let quietSince = clock.ticks();
  let looks = 0;
  while (looks < FEWEST_LOOKS || clock.ticks() - quietSince < QUIET_MS) {
    const pids = await look(client, sweep);
    for (const pid of pids) ended.add(pid);
    looks = pids.length === 0 ? looks + 1 : 0;
    if (pids.length > 0) quietSince = clock.ticks();
    await clock.sleep(PAUSE_MS, signal);
  }
  return ended.size;
};

/** The server's time, some milliseconds ago; comparing with its own stamps so cancels the skew of two clocks. */
export const serverTime = async (client: Client, msAgo: number): Promise<string> => {
  const { rows } = await client.query<{ at: string }>(
    "SELECT (clock_timestamp() - $1 * interval '1 millisecond')::text AS at",
    [msAgo],
  );
  return rows[0]?.at ?? "-infinity";
};
