import { Conflict } from "../../core/errors.ts";
import type { Deps, InstallRequest } from "../../core/types.ts";
import { type Account, has, hashOf, look, native, present, setLock } from "./accounts.ts";
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

/** The current version's hash where it goes on working beside the next one. A locked login takes none of before. */
const keptHash = ({ target, next, current }: Request): string | undefined => {
  const [coming, serving] = [next.reveal(), current?.reveal()];
  const isShared = serving !== undefined && serving.username === coming.username;
  return target.strategy === "overlap" && isShared ? hashOf(serving.password) : undefined;
};

const isDone = (accounts: readonly Account[], hashes: (account: Account) => readonly string[]): boolean => {
  const mark = markOf(accounts);
  const isWritten = accounts.every((account) => {
    const [is, wanted] = [account.methods.map(({ hash }) => hash), hashes(account)];
    return !account.isLocked && is.length === wanted.length && wanted.every((hash) => is.includes(hash));
  });
  return isWritten && mark?.cause === "installed" && mark.connection > 0;
};

/**
 * A locked login stays locked until whatever was begun with an older version has ended: a half-open handshake holds the
 * account as it was when the client named it. Then it is let in with the next version alone.
 */
const letIn = async (work: Work, accounts: readonly Account[], login: string): Promise<void> => {
  await endSessions({ ...work, login });
  await setLock(work.client, accounts, "UNLOCK");
};

/** Puts `next` in force over one connection of the rotator's account. Clear text is not sent. */
export const install = async (deps: Deps, request: Request): Promise<void> => {
  const { target, next, signal } = request;
  if (isInForce(request)) return;
  const { username, password } = next.reveal();
  const [hash, kept] = [hashOf(password), keptHash(request)];
  const admin = await adminLogin(deps, target, next);
  await asAdmin(admin, signal, async (client) => {
    const work = { client, clock: deps.clock, random: deps.random, signal };
    const accounts = present(await look(client, username, target.userHost), username, target.userHost);
    const isLocked = accounts.some((account) => account.isLocked);
    const hashes = (account: Account): readonly string[] =>
      kept !== undefined && kept !== hash && !isLocked && has(account, kept) ? [hash, kept] : [hash];
    if (!isDone(accounts, hashes)) {
      await change(work, accounts, "installed", (account) => hashes(account).map(native));
    }
    if (isLocked) return letIn(work, accounts, username);
    if (target.strategy !== "alternating") return;
    // What still runs on the idle login was opened with a version that this one replaces.
    const mark = markOf(await look(client, username, target.userHost));
    const upTo = lastBefore(mark, await moment(client));
    await endSessions({ ...work, login: username, ...(upTo !== undefined && { upTo }) });
  });
};
