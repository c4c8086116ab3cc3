import type { Deps, Instant, Use, VerifyRequest } from "../../core/types.ts";
import { look } from "./accounts.ts";
import { lastBefore, markOf } from "./change.ts";
import { asAdmin } from "./connect.ts";
import { moment } from "./server.ts";
import { type Session, sessionsOf } from "./sessions.ts";
import { adminLogin, type Material, type Target } from "./target.ts";

const nameOf = ({ program, host }: Session): string => {
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
    const rows = await sessionsOf(client, username, "named");
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
