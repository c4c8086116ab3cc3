import { Conflict } from "../../core/errors.ts";
import type { Deps, Undo, VerifyRequest } from "../../core/types.ts";
import { look, setLock, takes, write } from "./accounts.ts";
import { markOf } from "./change.ts";
import { asAdmin } from "./connect.ts";
import { adminLogin, loginOf, type Material, type Target } from "./target.ts";

type Restore = VerifyRequest<Target, Material> & { readonly undo: Undo };

const conflict = ({ target, material }: Restore, why: string): Conflict => {
  const { host, port, username } = loginOf(target, material.reveal());
  return new Conflict(`Login ${username} at ${host}:${port} ${why}`);
};
const SUPERSEDED =
  "was changed after this revoke, so restoring this version would undo a newer change. Rotate the secret instead.";
const LOCKED =
  "was locked by somebody before this revoke, and stays so. Unlock it there if that is meant, or rotate the secret.";

/**
 * Lets the material in again, from the very state in which its revoke left the login: the mark is still the revoke's.
 * Throws Conflict when anything has been written since.
 */
export const restore = async (deps: Deps, request: Restore): Promise<void> => {
  const { target, material, undo, signal } = request;
  const { username, password } = material.reveal();
  const admin = await adminLogin(deps, target, material);
  await asAdmin(admin, signal, async (client) => {
    const accounts = await look(client, username, target.userHost);
    const isBack = accounts.length > 0 && accounts.every((account) => !account.isLocked && takes(account, password));
    if (isBack) return;
    const mark = markOf(accounts);
    if (undo["left"] === "locked before") throw conflict(request, LOCKED);
    if (mark === undefined || undo["left"] === "nothing" || mark.nonce !== undo["mark"]) {
      throw conflict(request, SUPERSEDED);
    }
    const wanted = accounts.map((account) => {
      const methods = takes(account, password) ? account.methods : [...account.methods, { password }];
      return { account, methods, mark };
    });
    await write(client, wanted);
    if (undo["left"] === "locked") await setLock(client, accounts, "UNLOCK");
  });
};
