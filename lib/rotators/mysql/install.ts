import { Conflict } from "../../core/errors.ts";
import type { Deps, InstallRequest } from "../../core/types.ts";
import { type Account, look, present, setLock, takes, wayFor } from "./accounts.ts";
import { change, lastBefore, markOf, type Work } from "./change.ts";
import { asAdmin } from "./connect.ts";
import { moment } from "./server.ts";
import { endSessions } from "./sessions.ts";
import { adminLogin, type Material, type Target } from "./target.ts";

type Request = InstallRequest<Target, Material>;

/**
 * True when the attempt was finished before and is only repeated. Throws Conflict rather than change the login that
 * the workload uses at this moment, where it has two.
 */
const isInForce = ({ target, next, current }: Request): boolean => {
  const [coming, serving] = [next.reveal(), current?.reveal()];
  if (target.strategy !== "alternating" || coming.username !== serving?.username) return false;
  if (coming.password === serving.password) return true;
  throw new Conflict(
    `Login ${coming.username} is what the current version uses, and alternating logins change the idle one only. Rotate again: the attempt was made for an older current version.`,
  );
};

/** The current version's password where it goes on working beside the next one. A locked login takes none of before. */
const keptPassword = ({ target, next, current }: Request): string | undefined => {
  const [coming, serving] = [next.reveal(), current?.reveal()];
  const isShared = serving !== undefined && serving.username === coming.username;
  return target.strategy === "overlap" && isShared ? serving.password : undefined;
};

const isDone = (accounts: readonly Account[], passwords: (account: Account) => readonly string[]): boolean => {
  const mark = markOf(accounts);
  if (mark?.cause !== "installed" || mark.connection === 0) return false;
  return accounts.every((account) => {
    const wanted = passwords(account);
    const isExact = account.methods.length === wanted.length && wanted.every((password) => takes(account, password));
    return !account.isLocked && isExact;
  });
};

/**
 * A locked login stays locked until whatever was begun with an older version has ended: a half-open handshake holds the
 * account as it was when the client named it. Then it is let in with the next version alone.
 */
const letIn = async (work: Work, accounts: readonly Account[], login: string): Promise<void> => {
  await endSessions({ ...work, login });
  await setLock(work.client, accounts, "UNLOCK");
};

/** Puts `next` in force over one connection of the rotator's account. */
export const install = async (deps: Deps, request: Request): Promise<void> => {
  const { target, next, signal } = request;
  if (isInForce(request)) return;
  const { username, password } = next.reveal();
  const kept = keptPassword(request);
  const admin = await adminLogin(deps, target, next);
  await asAdmin(admin, signal, async (client) => {
    const work = { client, clock: deps.clock, random: deps.random, signal };
    const accounts = present(client, await look(client, username, target.userHost), username, target.userHost);
    const isLocked = accounts.some((account) => account.isLocked);
    const passwords = (account: Account): readonly string[] =>
      kept !== undefined && kept !== password && !isLocked && takes(account, kept) ? [password, kept] : [password];
    if (!isDone(accounts, passwords)) {
      await change(work, accounts, "installed", (account) => passwords(account).map((one) => wayFor(account, one)));
    }
    if (isLocked) return letIn(work, accounts, username);
    if (target.strategy !== "alternating") return;
    // What still runs on the idle login was opened with a version that this one replaces.
    const mark = markOf(await look(client, username, target.userHost));
    const upTo = lastBefore(mark, await moment(client));
    await endSessions({ ...work, login: username, ...(upTo !== undefined && { upTo }) });
  });
};
