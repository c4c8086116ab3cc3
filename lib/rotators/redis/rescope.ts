import { Conflict, Misconfigured, Unusable } from "../../core/errors.ts";
import type { Deps, Rescoped, RescopeRequest, Undo, VerifyRequest } from "../../core/types.ts";
import { type Connection, everywhere, session } from "./connect.ts";
import { explained, told } from "./failure.ts";
import { persist } from "./persist.ts";
import { endBefore, killUser } from "./sessions.ts";
import { adminLogin, loginOf, type Material, type Node, nameOf, type Target } from "./target.ts";
import { look, succeeded, type User } from "./users.ts";

type Request = RescopeRequest<Target, Material>;

/** No command that changes data, and none by which a user could give itself more. */
const NARROW = ["-@write", "-@admin"];
const rules = (commands: string) => commands.split(" ").filter(Boolean);
const isNarrow = ({ commands }: User) => NARROW.every((rule) => rules(commands).includes(rule));

const usersOf = ({ target, material }: Request | VerifyRequest<Target, Material>): readonly string[] =>
  target.logins ?? [material.reveal().username];

const key = (node: Node, user: string) => `commands ${nameOf(node)} ${user}`;

/** A selector adds rights of its own to a user's, beside its commands (redis.io/docs/latest/operate/oss_and_stack/management/security/acl). */
const withoutSelectors = (user: User, name: string, node: Node): User => {
  if (!user.hasSelectors) return user;
  throw new Misconfigured(
    `User ${name} at Redis ${nameOf(node)} has selectors, whose rights would remain. Write its rights without them (ACL SETUSER … clearselectors), or revoke the credential instead.`,
  );
};

const each = async <A>(
  deps: Deps,
  request: Request | VerifyRequest<Target, Material>,
  work: (connection: Connection, node: Node, name: string, user: User) => Promise<A>,
): Promise<readonly A[]> => {
  const admin = await adminLogin(deps, request.target, request.material);
  const all = await everywhere(admin, request.signal, async (connection, node) => {
    const done: A[] = [];
    for (const name of usersOf(request)) {
      const user = await look(connection, name);
      if (user) done.push(await work(connection, node, name, user));
    }
    return done;
  });
  return all.flat();
};

/** The commands that each user may run at each server, in Redis's own words. */
export const scope = async (deps: Deps, request: Request): Promise<Undo> =>
  Object.fromEntries(
    await each(deps, request, async (_, node, name, user) => [
      key(node, name),
      withoutSelectors(user, name, node).commands,
    ]),
  );

/** Tries, as the workload, a command that would change nothing if it were allowed: deleting a key that nobody has. */
const triedToWrite = async ({ target, material, signal }: Request): Promise<void> => {
  const login = loginOf(target, material.reveal());
  for (const node of login.nodes) {
    try {
      await session(login, node, signal, ({ ask }) => ask("UNLINK", `rekey:${crypto.randomUUID()}`));
    } catch (error) {
      const { code } = told(error);
      if (code === "NOPERM" || explained(error, login, node) instanceof Unusable) continue;
      throw explained(error, login, node);
    }
    throw new Conflict(
      `User ${login.username} at Redis ${nameOf(node)} may still write: somebody has widened it meanwhile.`,
    );
  }
};

/**
 * Takes every command that writes or administers from every user of the credential, at every server, and ends the
 * sessions that began before, in one transaction each: one that waits in BLPOP would write when it wakes.
 */
export const rescope = async (deps: Deps, request: Request): Promise<Rescoped> => {
  const { begunBefore } = request;
  const ended = await each(deps, request, async (connection, node, name, user) => {
    withoutSelectors(user, name, node);
    if (isNarrow(user) && begunBefore) return endBefore(connection, name, begunBefore, deps.clock);
    const change = ["ACL", "SETUSER", name, ...NARROW];
    const killed = succeeded(await connection.together(change, killUser(name))).at(-1);
    await persist(connection, node, request.target.persist);
    return Number(killed);
  });
  await triedToWrite(request);
  return { sessionsEnded: ended.reduce((sum, count) => sum + count, 0), settlesInMs: 0 };
};

/** Gives each user its commands back, from the very state in which the narrowing left it. */
export const widen = async (
  deps: Deps,
  request: VerifyRequest<Target, Material> & { readonly undo: Undo },
): Promise<void> => {
  await each(deps, request, async (connection, node, name, user) => {
    const before = request.undo[key(node, name)];
    if (typeof before !== "string" || user.commands === before) return;
    if (!isNarrow(user)) {
      throw new Conflict(
        `User ${name} at Redis ${nameOf(node)} no longer has what it was narrowed to: somebody has changed it. Look at it by hand.`,
      );
    }
    await connection.ask("ACL", "SETUSER", name, "nocommands", ...rules(before));
    await persist(connection, node, request.target.persist);
  });
};
