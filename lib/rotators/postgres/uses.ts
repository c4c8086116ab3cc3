import type { Deps, Instant, Use, VerifyRequest } from "../../core/types.ts";
import type { Target, Where } from "./target.ts";
import { asRotator } from "./ways.ts";

type Row = {
  readonly application: string | null;
  readonly address: string | null;
  readonly count: number;
  /** Ms since the oldest and the newest of them began; null when the rotator's role may not see it. */
  readonly oldestMs: number | null;
  readonly newestMs: number | null;
};

/**
 * `usename` is who logged in, whatever role the session has taken since. Without pg_read_all_stats `backend_type` is
 * null too: what cannot be seen is counted.
 */
const SESSIONS = `SELECT nullif(application_name, '') AS application, host(client_addr) AS address, count(*)::int AS count,
    1000 * extract(epoch FROM statement_timestamp() - min(backend_start))::float8 AS "oldestMs",
    1000 * extract(epoch FROM statement_timestamp() - max(backend_start))::float8 AS "newestMs"
  FROM pg_stat_activity WHERE usename = $1 AND coalesce(backend_type, '') <> 'parallel worker'
  GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`;

/** Without pg_read_all_stats the server shows that a session is there, and nothing more of it. */
const nameOf = ({ application, address, oldestMs }: Row): string =>
  oldestMs === null
    ? "not shown to the rotator's role"
    : `${application ?? "no application_name"}@${address ?? "local"}`;

/** Ages, not stamps: the server's clock and ours may differ. All of one look, so that what is older stays so. */
const begun = (deps: Deps, now: Instant, ageMs: number | null): Instant | undefined =>
  ageMs === null ? undefined : deps.clock.after(now, -Math.round(ageMs));

/** Sessions of this version's login, by application and address. PostgreSQL keeps no last use of a login that is away. */
export const uses = async (deps: Deps, { target, material, signal }: VerifyRequest<Target, Where>): Promise<Use> => {
  const { username } = material.reveal();
  const rows = await asRotator(deps, { target, material, signal }, async (client) => {
    const found = await client.query<Row>(SESSIONS, [username]);
    return found.rows;
  });
  const now = deps.clock.now();
  const by = rows.map((row) => {
    const [firstAt, lastAt] = [begun(deps, now, row.oldestMs), begun(deps, now, row.newestMs)];
    return { who: nameOf(row), count: row.count, ...(firstAt && { firstAt }), ...(lastAt && { lastAt }) };
  });
  return { sessions: rows.reduce((sum, { count }) => sum + count, 0), by };
};
