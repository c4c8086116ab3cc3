import type { Deps, Instant, Use, VerifyRequest } from "../../core/types.ts";
import { look } from "./accounts.ts";
import { lastBefore, markOf } from "./change.ts";
import { asAdmin, type Client } from "./connect.ts";
import { isError } from "./failure.ts";
import { moment } from "./server.ts";
import { adminLogin, type Material, type Target } from "./target.ts";

type Row = {
  readonly id: number;
  /** Client address and port. */
  readonly host: string;
  readonly program: string | null;
  /** Since the session last began or ended a statement. */
  readonly idleMs: number | string;
};

const NAMED = `SELECT p.ID AS id, p.HOST AS host, p.TIME_MS AS idleMs, a.ATTR_VALUE AS program
  FROM information_schema.PROCESSLIST p
  LEFT JOIN performance_schema.threads t ON t.PROCESSLIST_ID = p.ID
  LEFT JOIN performance_schema.session_connect_attrs a ON a.PROCESSLIST_ID = p.ID AND a.ATTR_NAME = 'program_name'
  WHERE (BINARY p.USER = ? OR BINARY t.PROCESSLIST_USER = ?) AND p.COMMAND <> 'Killed'`;
const LIST = `SELECT ID AS id, HOST AS host, TIME_MS AS idleMs, NULL AS program
  FROM information_schema.PROCESSLIST WHERE BINARY USER = ? AND COMMAND <> 'Killed'`;

const sessions = async (client: Client, login: string): Promise<readonly Row[]> => {
  try {
    return await client.rows<Row>(NAMED, [login, login]);
  } catch (error) {
    if (!isError(error, "tableDenied", "noSuchTable", "deniedDatabase")) throw error;
    return client.rows<Row>(LIST, [login]);
  }
};

const nameOf = ({ program, host }: Row): string => {
  const address = host.replace(/:\d+$/, "");
  return program === null ? address : `${program}@${address}`;
};

type Group = { who: string; count: number; begins: (Instant | undefined)[] };

/**
 * Sessions of the version's login, by program and client address. When one began the server does not tell: where the
 * mark says that it is older than the last change, no instant is given; a later one began no later than its last
 * statement, and that is given.
 */
export const uses = async (deps: Deps, { target, material, signal }: VerifyRequest<Target, Material>): Promise<Use> => {
  const { username } = material.reveal();
  const admin = await adminLogin(deps, target, material);
  return asAdmin(admin, signal, async (client) => {
    const rows = await sessions(client, username);
    const upTo = lastBefore(markOf(await look(client, username, target.userHost)), await moment(client));
    const groups = new Map<string, Group>();
    for (const row of rows) {
      const isOlder = upTo === undefined || Number(row.id) <= upTo;
      const key = `${nameOf(row)} ${isOlder}`;
      const group = groups.get(key) ?? { who: nameOf(row), count: 0, begins: [] };
      const begun = isOlder ? undefined : deps.clock.after(deps.clock.now(), -Math.round(Number(row.idleMs)));
      groups.set(key, { ...group, count: group.count + 1, begins: [...group.begins, begun] });
    }
    const by = [...groups.values()].map(({ who, count, begins }) => {
      const [first, last] = [begins.toSorted()[0], begins.toSorted().at(-1)];
      return { who, count, ...(first && { firstAt: first }), ...(last && { lastAt: last }) };
    });
    return { sessions: rows.length, by };
  });
};
