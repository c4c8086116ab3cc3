import { Conflict } from "../../core/errors.ts";
import type { Deps, Revoked, RevokeRequest, Undo } from "../../core/types.ts";
import { type Account, look, setLock, takes, without, write } from "./accounts.ts";
import { change, lastBefore, markOf, type Work } from "./change.ts";
import { asAdmin } from "./connect.ts";
import { nonceFrom } from "./mark.ts";
import { type Moment, moment } from "./server.ts";
import { endSessions } from "./sessions.ts";
import { adminLogin, loginOf, type Material, type Target } from "./target.ts";
import { isAccepted } from "./verify.ts";

type Request = RevokeRequest<Target, Material>;

/** Without such an account nothing is left to revoke. */
const GONE: Revoked = { undo: { left: "nothing" }, sessionsEnded: 0, settlesInMs: 0 };

/** Beyond `connect_timeout`, for the server's own delays. */
const MARGIN_MS = 5_000;
const settlesIn = ({ handshakeMs }: Moment): number => handshakeMs + MARGIN_MS;

const scoped = <A>(deps: Deps, { target, material, signal }: Request, task: (work: Work) => Promise<A>): Promise<A> =>
  adminLogin(deps, target, material).then((admin) =>
    asAdmin(admin, signal, (client) => task({ client, clock: deps.clock, random: deps.random, signal })),
  );

/** The doomed password goes as well, so that unlocking lets in only what is meant. Repeated, the mark of the first stays. */
const strike = async (work: Work, accounts: readonly Account[], doomed: string) => {
  const now = await moment(work.client);
  const before = markOf(accounts);
  const isOurs = before?.cause === "locked" && accounts.every(({ isLocked }) => isLocked);
  const { at, connection } = now;
  const mark = isOurs ? before : { cause: "locked" as const, at, connection, nonce: nonceFrom(work.random) };
  if (!isOurs || accounts.some((account) => takes(account, doomed))) {
    const wanted = accounts.map((account) => ({ account, methods: without(account, doomed), mark }));
    await write(work.client, wanted);
  }
  const wasLocked = !isOurs && accounts.every(({ isLocked }) => isLocked);
  return { left: wasLocked ? "locked before" : "locked", mark: mark.nonce, settlesInMs: settlesIn(now) };
};

/** Nothing in force shares the login: lock it, commit, then sweep. The order was measured: docs/explanation/mysql.md. */
const forbid = (deps: Deps, request: Request): Promise<Revoked> =>
  scoped(deps, request, async (work) => {
    const { username: login, password } = request.material.reveal();
    const accounts = await look(work.client, login, request.target.userHost);
    if (accounts.length === 0) return GONE;
    await setLock(work.client, accounts, "LOCK");
    const refusedAt = work.clock.now();
    const sessionsEnded = await endSessions({ ...work, login });
    const { settlesInMs, ...undo } = await strike(work, accounts, password);
    return { undo, sessionsEnded, refusedAt, settlesInMs };
  });

const stillTaken = ({ target, material }: Request): Conflict => {
  const { host, port, username } = loginOf(target, material.reveal());
  return new Conflict(
    `Login ${username} at ${host}:${port} still takes this version, and a version that must go on working shares the login and is not in force there. Rotate the secret first, then revoke.`,
  );
};

type Doomed = { readonly request: Request; readonly accounts: readonly Account[]; readonly login: string };

/**
 * The doomed password goes, and then every session that it can have opened; a server does not say which password did. Asked
 * to spare those begun since the replacement came, it goes by the mark that the replacement's installation left.
 */
const drop = async (work: Work, { request, accounts, login }: Doomed, kept: readonly string[]) => {
  const { password } = request.material.reveal();
  if (!accounts.every((account) => kept.some((one) => takes(account, one)))) throw stillTaken(request);
  const done = await change(work, accounts, "dropped", (account) => without(account, password));
  const refusedAt = work.clock.now();
  const before = markOf(accounts);
  const isSpared = request.begunBefore !== undefined && before?.cause === "installed";
  const upTo = (isSpared ? lastBefore(before, done.moment) : undefined) ?? done.mark.connection;
  const sessionsEnded = await endSessions({ ...work, login, upTo });
  const undo = { left: "dropped", mark: done.mark.nonce };
  return { undo, sessionsEnded, refusedAt, settlesInMs: settlesIn(done.moment) };
};

/** The password had gone before: where `begunBefore` asks for it, what the server counted after that is spared. */
const sweepOld = async (work: Work, { request, accounts, login }: Doomed): Promise<Revoked> => {
  await work.client.dialect.forget?.(work.client, login);
  if (await isAccepted(request)) throw stillTaken(request);
  const [now, mark] = [await moment(work.client), markOf(accounts)];
  const upTo = (request.begunBefore && lastBefore(mark, now)) ?? now.connection;
  const sessionsEnded = await endSessions({ ...work, login, upTo });
  const undo: Undo = mark?.cause === "dropped" ? { left: "dropped", mark: mark.nonce } : { left: "nothing" };
  return { undo, sessionsEnded, settlesInMs: settlesIn(now) };
};

/** A version in force shares the login, so that it cannot be locked. */
const expel = (deps: Deps, request: Request, kept: readonly string[]): Promise<Revoked> =>
  scoped(deps, request, async (work) => {
    const { username: login, password } = request.material.reveal();
    const accounts = await look(work.client, login, request.target.userHost);
    if (accounts.length === 0) return GONE;
    const doomed = { request, accounts, login };
    return accounts.some((account) => takes(account, password)) ? drop(work, doomed, kept) : sweepOld(work, doomed);
  });

/** Ends this material and its sessions; an account that is gone is a success. */
export const revoke = async (deps: Deps, request: Request): Promise<Revoked> => {
  const doomed = loginOf(request.target, request.material.reveal());
  const sharing = request.keep
    .map((kept) => loginOf(request.target, kept.reveal()))
    .filter(({ host, port, username }) => host === doomed.host && port === doomed.port && username === doomed.username);
  if (sharing.length === 0) return forbid(deps, request);
  if (sharing.some(({ password }) => password === doomed.password)) {
    throw new Conflict(
      `Login ${doomed.username} has one and the same password in the version to revoke and in one that must go on working. Rotate the secret first, then revoke.`,
    );
  }
  return expel(
    deps,
    request,
    sharing.map(({ password }) => password),
  );
};
