import { Conflict } from "../../core/errors.ts";
import type { Deps, Instant, Revoked, RevokeRequest, Undo, VerifyRequest } from "../../core/types.ts";
import { change, lock, look, settlesIn } from "./roles.ts";
import { scramVerifier } from "./scram.ts";
import { endSessions, serverTime } from "./sessions.ts";
import { type Material, placeOf, type Target, type Where } from "./target.ts";
import { isAccepted, verify } from "./verify.ts";
import { asRotator } from "./ways.ts";

type Request = RevokeRequest<Target, Material>;

/** Without such a login nothing is left to revoke. */
const GONE: Revoked = { undo: { locked: false }, sessionsEnded: 0, settlesInMs: 0 };

const FOREVER = "infinity";

/** Nothing in force shares the login: forbid it, commit, then sweep. The order was measured: docs/explanation/postgres.md. */
export const forbid = async (
  deps: Deps,
  { target, material, signal }: VerifyRequest<Target, Where>,
): Promise<Revoked> => {
  const { username } = material.reveal();
  return asRotator(deps, { target, material, signal }, async (client) => {
    const work = { client, clock: deps.clock, signal };
    const before = await lock(work, username);
    if (!before) return GONE;
    const refusedAt = deps.clock.now();
    const sessionsEnded = await endSessions(client, { ...work, login: username });
    const after = await look(client, username);
    if (!after) return GONE;
    const validUntil = before.hasPassed ? FOREVER : (before.validUntil ?? FOREVER);
    return {
      undo: { locked: true, lockedAt: after.validUntil, validUntil },
      sessionsEnded,
      refusedAt,
      settlesInMs: settlesIn(after),
    };
  });
};

/** On the server's clock: that instant of ours, or now. */
const cutoff = (deps: Deps, begunBefore: Instant | undefined): number =>
  begunBefore === undefined ? 0 : Math.max(0, deps.clock.between(begunBefore, deps.clock.now()));

/**
 * A version in force shares the login, so that it cannot be forbidden: its password must have been replaced, and what
 * the old one opened ends. Throws Conflict when the old one still logs in.
 */
const expel = async (deps: Deps, request: Request): Promise<Revoked> => {
  const { target, material, signal, begunBefore } = request;
  const { host, port, username } = placeOf(target, material.reveal());
  if (await isAccepted(verify(request))) {
    throw new Conflict(
      `Login ${username} at ${host}:${port} still takes this version, and a version that must go on working shares the login. Rotate the secret first, then revoke; or give it two logins (rekey:strategy=alternating).`,
    );
  }
  return asRotator(deps, { target, material, signal }, async (client) => {
    const role = await look(client, username);
    if (!role) return GONE;
    const before = await serverTime(client, cutoff(deps, begunBefore));
    const sweep = { login: username, clock: deps.clock, signal, begunBefore: before };
    return { undo: { locked: false }, sessionsEnded: await endSessions(client, sweep), settlesInMs: settlesIn(role) };
  });
};

/** Whether a version that stays in force has the same login. */
export const isShared = ({ target, material, keep }: RevokeRequest<Target, Where>): boolean => {
  const doomed = placeOf(target, material.reveal());
  return keep.some((kept) => {
    const { host, port, username } = placeOf(target, kept.reveal());
    return host === doomed.host && port === doomed.port && username === doomed.username;
  });
};

/** Ends this material and its sessions; a login that is gone is a success. */
export const revoke = (deps: Deps, request: Request): Promise<Revoked> =>
  isShared(request) ? expel(deps, request) : forbid(deps, request);

type Restore<M> = VerifyRequest<Target, M> & { readonly undo: Undo };

const superseded = ({ target, material }: Restore<Where>, instead: string): Conflict => {
  const { host, port, username } = placeOf(target, material.reveal());
  return new Conflict(
    `Login ${username} at ${host}:${port} was changed after this revoke, so restoring this version would break a newer one. ${instead}`,
  );
};

type Unlocking = {
  readonly verify: () => Promise<void>;
  /** Of a login with a password, which is set as well. */
  readonly verifier?: string;
  /** What to do where somebody has changed the login meanwhile. */
  readonly instead: string;
};

/** Lets the login in again, over the very lock that the revoke left. */
export const unlock = async (
  deps: Deps,
  request: Restore<Where>,
  { verify: trying, verifier, instead }: Unlocking,
): Promise<void> => {
  const { target, material, undo, signal } = request;
  const { username } = material.reveal();
  const isUnlocked = await asRotator(deps, { target, material, signal }, async (client) => {
    const role = await look(client, username);
    if (role?.canLogin) return false;
    if (!role || undo["locked"] !== true || role.validUntil !== undo["lockedAt"]) throw superseded(request, instead);
    const validUntil = typeof undo["validUntil"] === "string" ? undo["validUntil"] : FOREVER;
    const admitted = { ...(verifier !== undefined && { verifier }), validUntil, unlock: true } as const;
    await change({ client, clock: deps.clock, signal }, username, admitted);
    return true;
  });
  if (!isUnlocked && !(await isAccepted(trying()))) throw superseded(request, instead);
};

/** Lets the material in again. */
export const restore = async (deps: Deps, request: Restore<Material>): Promise<void> => {
  const verifier = await scramVerifier(request.material.reveal().password, deps.random);
  return unlock(deps, request, { verify: () => verify(request), verifier, instead: "Rotate the secret instead." });
};
