import type { Deps, Use, VerifyRequest } from "../../core/types.ts";
import { type Connection, everywhere } from "./connect.ts";
import { type Session, sessionsOf } from "./sessions.ts";
import { adminLogin, type Material, type Target } from "./target.ts";
import { look } from "./users.ts";

type Failed = { readonly user: string; readonly client: string; readonly count: number };

/** The reply is a list of flat name-value lists. Source: redis.io/docs/latest/commands/acl-log */
const failedIn = (entry: unknown): readonly Failed[] => {
  if (!Array.isArray(entry)) return [];
  const field = (name: string) => String(entry[entry.indexOf(name) + 1]);
  if (field("reason") !== "auth") return [];
  return [{ user: field("username"), client: field("client-info"), count: Number(field("count")) }];
};

/** Who tried to log in as that user with a password that is not taken: consumers left behind, or guesses. */
const refusals = async ({ ask }: Connection, user: string): Promise<readonly Failed[]> => {
  const log = await ask("ACL", "LOG");
  return Array.isArray(log) ? log.flatMap(failedIn).filter((one) => one.user === user) : [];
};

const counted = (whos: readonly (readonly [who: string, count: number])[]): Use["by"] => {
  const counts = new Map<string, number>();
  for (const [who, count] of whos) counts.set(who, (counts.get(who) ?? 0) + count);
  return [...counts].map(([who, count]) => ({ who, count }));
};

const calling = ({ name, address }: Session): string => (name ? `${name} from ${address}` : address);
const refusedFrom = ({ client }: Failed): string => `refused from ${/ addr=(\S+):\d+/.exec(client)?.[1] ?? "unknown"}`;

/**
 * Sessions of the version's user, by client name and address, and failed logins as that user since its server's ACL LOG
 * was last reset. `sessions` is absent where the user takes several passwords: which one opened a session, a server
 * does not tell.
 */
export const uses = async (deps: Deps, { target, material, signal }: VerifyRequest<Target, Material>): Promise<Use> => {
  const name = material.reveal().username;
  const admin = await adminLogin(deps, target, material);
  const found = await everywhere(admin, signal, async (connection) => {
    const [user, sessions, failed] = [
      await look(connection, name),
      await sessionsOf(connection, name),
      await refusals(connection, name),
    ];
    return { passwords: user?.hashes.length ?? 0, sessions, failed };
  });
  const sessions = found.flatMap((one) => one.sessions);
  const isCertain = found.every(({ passwords }) => passwords <= 1);
  const idleMs = Math.min(...sessions.map(({ idleS }) => idleS * 1_000));
  const inUse = sessions.map((one) => [calling(one), 1] as const);
  const refused = found.flatMap(({ failed }) => failed.map((one) => [refusedFrom(one), one.count] as const));
  return {
    ...(isCertain && { sessions: sessions.length }),
    ...(isCertain && sessions.length > 0 && { lastUsedAt: deps.clock.after(deps.clock.now(), -idleMs) }),
    by: counted([...inUse, ...refused]),
  };
};
