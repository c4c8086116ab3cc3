import { Conflict } from "../../core/errors.ts";
import type { Deps, Undo, VerifyRequest } from "../../core/types.ts";
import { everywhere } from "./connect.ts";
import { persist } from "./persist.ts";
import { adminLogin, type Material, type Node, nameOf, type Target } from "./target.ts";
import { fingerprint, hashOf, look, type User } from "./users.ts";

type Restore = VerifyRequest<Target, Material> & { readonly undo: Undo };

const superseded = (name: string, node: Node): Conflict =>
  new Conflict(
    `User ${name} at Redis ${nameOf(node)} was changed after this revoke, so restoring this version would undo a newer change. Rotate the secret instead.`,
  );

const isBack = ({ isOn, hashes }: User, hash: string) => isOn && hashes.includes(hash);

/**
 * Lets the material in again at every server, each from the very state in which the revoke left it. Throws Conflict
 * before anything is changed when one of them has moved on.
 */
export const restore = async (deps: Deps, { target, material, undo, signal }: Restore): Promise<void> => {
  const { username: name, password } = material.reveal();
  const hash = hashOf(password);
  const admin = await adminLogin(deps, target, material);
  await everywhere(admin, signal, async (connection, node) => {
    const user = await look(connection, name);
    const isAsLeft = user && fingerprint(user) === undo[`left ${nameOf(node)}`];
    if (!user || !(isBack(user, hash) || isAsLeft)) throw superseded(name, node);
  });
  await everywhere(admin, signal, async (connection, node) => {
    await connection.ask("ACL", "SETUSER", name, `#${hash}`, ...(undo["off"] === true ? ["on"] : []));
    await persist(connection, node, target.persist);
  });
};
