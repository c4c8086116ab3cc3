import { Conflict } from "../../core/errors.ts";
import type { Deps, InstallRequest } from "../../core/types.ts";
import { asAdmin } from "./connect.ts";
import { change, look, present, type Role, sitOut, type Work } from "./roles.ts";
import { scramVerifier } from "./scram.ts";
import { endSessions, serverTime } from "./sessions.ts";
import { adminLogin, type Material, type Target } from "./target.ts";

type Request = InstallRequest<Target, Material>;

/**
 * True when the attempt was finished before and is only repeated. Throws Conflict rather than change the login that
 * the workload uses at this moment, where it has two.
 */
const isInForce = ({ target, next, current }: Request): boolean => {
  const [coming, serving] = [next.reveal(), current?.reveal()];
  if (target.strategy === "single" || coming.username !== serving?.username) return false;
  if (coming.password === serving.password) return true;
  throw new Conflict(
    `Login ${coming.username} is what the current version uses, and alternating logins change the idle one only. Rotate again: the attempt was made for an older current version.`,
  );
};

const FOREVER = "infinity";

/** A login that may log in keeps its right as it is: if a containment takes it away meanwhile, it stays away. */
const put = async (work: Work, login: string, role: Role, verifier: string): Promise<void> => {
  if (!role.canLogin) {
    await sitOut(work, login, role);
    return change(work, login, { verifier, validUntil: FOREVER, unlock: true });
  }
  const expires = role.validUntil !== null && role.validUntil !== FOREVER;
  return change(work, login, { verifier, ...(expires && { validUntil: FOREVER }) });
};

/**
 * Puts `next` in force over one connection of the rotator's role. A login that a containment locked is let in again
 * only once nothing begun before the lock can come alive, which takes up to `authentication_timeout` + 5 s.
 */
export const install = async (deps: Deps, request: Request): Promise<void> => {
  const { target, next, signal } = request;
  if (isInForce(request)) return;
  const { username, password } = next.reveal();
  const [admin, verifier] = await Promise.all([adminLogin(deps, target, next), scramVerifier(password, deps.random)]);
  await asAdmin(admin, signal, async (client) => {
    const work = { client, clock: deps.clock, signal };
    const role = present(await look(client, username, target), username, target.owner);
    await put(work, username, role, verifier);
    if (target.strategy === "single") return;
    // What still runs on the idle login was opened with a version that this one replaces.
    const begunBefore = await serverTime(client, 0);
    await endSessions(client, { ...work, login: username, begunBefore });
  });
};
