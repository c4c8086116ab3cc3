import { Conflict } from "../../core/errors.ts";
import type { Deps, InstallRequest } from "../../core/types.ts";
import { everywhere } from "./connect.ts";
import { persist } from "./persist.ts";
import { killUser } from "./sessions.ts";
import { adminLogin, type Material, type Target } from "./target.ts";
import { hashOf, look, present, succeeded, type User, untilSettled } from "./users.ts";

type Request = InstallRequest<Target, Material>;

/**
 * True when the attempt was finished before and is only repeated. Throws Conflict rather than change the user that the
 * workload uses at this moment, where it has two.
 */
const isInForce = ({ target, next, current }: Request): boolean => {
  const [coming, serving] = [next.reveal(), current?.reveal()];
  if (target.strategy === "overlap" || coming.username !== serving?.username) return false;
  if (coming.password === serving.password) return true;
  throw new Conflict(
    `User ${coming.username} is what the current version uses, and alternating users change the idle one only. Rotate again: the attempt was made for an older current version.`,
  );
};

/** Passwords that the user has to have in the end, and those among them that may not be given to it anew. */
const wanted = ({ target, next, current }: Request) => {
  const [coming, serving] = [next.reveal(), current?.reveal()];
  const isShared = target.strategy === "overlap" && serving?.username === coming.username;
  return { coming: hashOf(coming.password), serving: isShared ? hashOf(serving.password) : undefined };
};

/**
 * A user that is on stays as it is in that: if a containment switches it off meanwhile, it stays off. A user that was
 * off comes back with the next password alone, so that no older one comes back with it.
 */
const rulesFor = (user: User, { coming, serving }: ReturnType<typeof wanted>): readonly string[] => {
  if (!user.isOn) return ["resetpass", `#${coming}`, "on"];
  const spare = user.hashes.filter((hash) => hash !== coming && hash !== serving);
  const isNew = !user.hashes.includes(coming);
  // Where any password was taken, the first one set ends that: the current one is set with it.
  const also = user.takesAny && serving !== undefined ? [`#${serving}`] : [];
  return [...(isNew ? [`#${coming}`, ...also] : []), ...spare.map((hash) => `!${hash}`)];
};

/**
 * Puts `next` in force at every server, by its SHA-256. With one user the current password is taken beside it and any
 * third is removed; with two the idle one gets the next password alone and its sessions end.
 */
export const install = async (deps: Deps, request: Request): Promise<void> => {
  const { target, next, signal } = request;
  if (isInForce(request)) return;
  const name = next.reveal().username;
  const admin = await adminLogin(deps, target, next);
  await everywhere(admin, signal, async (connection, node) => {
    await untilSettled(async () => {
      const rules = rulesFor(present(await look(connection, name), name, node), wanted(request));
      if (rules.length === 0) return;
      const set = ["ACL", "SETUSER", name, ...rules];
      // What runs on the idle user was opened with a version that this one replaces.
      const ends = target.strategy === "alternating" ? [killUser(name)] : [];
      succeeded(await connection.together(set, ...ends));
    });
    await persist(connection, node, target.persist);
  });
};
