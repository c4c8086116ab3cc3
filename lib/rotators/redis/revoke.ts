import { Conflict } from "../../core/errors.ts";
import type { Deps, Instant, Revoked, RevokeRequest } from "../../core/types.ts";
import { type Connection, everywhere } from "./connect.ts";
import { told } from "./failure.ts";
import { persist } from "./persist.ts";
import { endBefore, killUser, sweep } from "./sessions.ts";
import { adminLogin, loginOf, type Material, type Node, nameOf, type Target } from "./target.ts";
import { fingerprint, hashOf, look, succeeded, type User, untilSettled } from "./users.ts";

type Request = RevokeRequest<Target, Material>;
type Ended = {
  readonly node: Node;
  readonly sessions: number;
  readonly refusedAt?: Instant;
  /** How the user was left, for `restore`; absent where there is none. */
  readonly left?: string;
};
type At = (connection: Connection, node: Node) => Promise<Ended>;

const without = (user: User, doomed: string): readonly string[] => user.hashes.filter((hash) => hash !== doomed);
const removal = (user: User, doomed: string): readonly string[] => (user.hashes.includes(doomed) ? [`!${doomed}`] : []);

/**
 * Changes the user and ends all its sessions in one transaction; resolves to how many. Where Rekey's user lacks a right
 * for that, the change is made alone before the error is thrown: a password that is refused is better than none.
 */
const changedAndEnded = async (
  { ask, together }: Connection,
  name: string,
  rules: readonly string[],
): Promise<number> => {
  const set = rules.length === 0 ? [] : [["ACL", "SETUSER", name, ...rules]];
  try {
    return Number(succeeded(await together(...set, killUser(name))).at(-1));
  } catch (error) {
    if (told(error).code === "NOPERM") await Promise.all(set.map((command) => ask(...command)));
    throw error;
  }
};

/** Nothing in force shares the user: it is switched off, loses the password and its sessions, in one transaction. */
const forbid =
  (deps: Deps, { target, material, signal }: Request): At =>
  async (connection, node) => {
    const { username: name, password } = material.reveal();
    const doomed = hashOf(password);
    const off = await untilSettled(async () => {
      const user = await look(connection, name);
      if (!user) return undefined;
      const killed = await changedAndEnded(connection, name, ["off", ...removal(user, doomed)]);
      return { killed, hashes: without(user, doomed), refusedAt: deps.clock.now() };
    });
    if (!off) return { node, sessions: 0 };
    const more = await sweep(connection, name, { clock: deps.clock, signal });
    await persist(connection, node, target.persist);
    const left = fingerprint({ isOn: false, hashes: off.hashes });
    return { node, sessions: off.killed + more, refusedAt: off.refusedAt, left };
  };

/**
 * A version in force shares the user: the password goes, and with it, in one transaction, every session that it can
 * have opened; a server does not say which password a session was opened with. Where the password had gone before,
 * sessions begun after `begunBefore` were opened with another.
 */
const expel =
  (deps: Deps, { target, material, begunBefore }: Request): At =>
  async (connection, node) => {
    const { username: name, password } = material.reveal();
    const doomed = hashOf(password);
    const done = await untilSettled(async () => {
      const user = await look(connection, name);
      if (!user) return undefined;
      refuseAny(user, name, node);
      const after = { isOn: user.isOn, hashes: without(user, doomed) };
      const rules = removal(user, doomed);
      if (rules.length === 0 && begunBefore !== undefined) {
        return { after, sessions: await endBefore(connection, name, begunBefore, deps.clock) };
      }
      return { after, sessions: await changedAndEnded(connection, name, rules) };
    });
    if (!done) return { node, sessions: 0 };
    const refusedAt = deps.clock.now();
    await persist(connection, node, target.persist);
    return { node, sessions: done.sessions, refusedAt, left: fingerprint(done.after) };
  };

const refuseAny = ({ takesAny }: User, name: string, node: Node): void => {
  if (!takesAny) return;
  throw new Conflict(
    `User ${name} at Redis ${nameOf(node)} takes any password (nopass), so that no version of it can be told from another. Rotate the secret first: that gives it passwords. Then revoke.`,
  );
};

const latest = (ended: readonly Ended[]): Instant | undefined =>
  ended
    .flatMap(({ refusedAt }) => refusedAt ?? [])
    .reduce<Instant | undefined>((a, b) => (a && a > b ? a : b), undefined);

const summed = (ended: readonly Ended[], isOff: boolean): Revoked => {
  const refusedAt = latest(ended);
  const left = ended.flatMap((one) =>
    one.left === undefined ? [] : [[`left ${nameOf(one.node)}`, one.left] as const],
  );
  return {
    undo: { off: isOff, ...Object.fromEntries(left) },
    sessionsEnded: ended.reduce((sum, { sessions }) => sum + sessions, 0),
    // A server reads a password and lets in by one command: nothing begun before waits half open.
    settlesInMs: 0,
    ...(refusedAt && { refusedAt }),
  };
};

/** Ends this material and its sessions at every server; a user that is gone is a success. */
export const revoke = async (deps: Deps, request: Request): Promise<Revoked> => {
  const { target, material, keep, signal } = request;
  const doomed = loginOf(target, material.reveal());
  const sharing = keep
    .map((kept) => loginOf(target, kept.reveal()))
    .filter(({ nodes, username }) => nameOf(nodes[0]) === nameOf(doomed.nodes[0]) && username === doomed.username);
  if (sharing.some(({ password }) => password === doomed.password)) {
    throw new Conflict(
      `User ${doomed.username} has one and the same password in the version to revoke and in one that must go on working. Rotate the secret first, then revoke.`,
    );
  }
  const admin = await adminLogin(deps, target, material);
  const isOff = sharing.length === 0;
  return summed(await everywhere(admin, signal, (isOff ? forbid : expel)(deps, request)), isOff);
};
