import { type Secret, secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { asking } from "../shared/function-verbs.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { generate } from "./generate.ts";
import { logIn } from "./login.ts";
import type { Material, Target } from "./schema.ts";

/** All that the function needs: who only puts a key into a list must not be able to use it. */
const shown = ({ host, port, username }: Target, held: Secret<Material>) => {
  const publicKey = held.reveal().publicKey.trim();
  return { publicKey, keyId: fingerprintOf(publicKey), host, port, username };
};

type Verbs = RotatorVerbs<Target, Material> & Required<Pick<RotatorVerbs<Target, Material>, "restore">>;

/** The verbs themselves; they bring the SSH library and the Lambda client. */
export const connect = (deps: Deps): Verbs => {
  const asked = asking(deps);
  const put = async (
    at: { readonly target: Target; readonly signal: AbortSignal },
    next: Secret<Material>,
    current?: Secret<Material>,
  ) => {
    const before = current ? shown(at.target, current) : null;
    await asked(at, { verb: "install", next: shown(at.target, next), current: before });
  };
  return {
    async issue({ target, current }) {
      const { host, port, username } = target;
      return secret({ ...current?.reveal(), host, port, username, ...generate(target) });
    },

    install: ({ next, current, ...at }) => put(at, next, current),

    verify: async ({ target, material, signal }) => logIn(target, material.reveal(), signal),

    async revoke({ material, keep, begunBefore = null, ...at }) {
      const dead = shown(at.target, material);
      const kept = keep.map((one) => shown(at.target, one));
      const undo = { keyId: dead.keyId };
      if (kept.some(({ keyId }) => keyId === dead.keyId)) return { undo, sessionsEnded: 0, settlesInMs: 0 };
      const done = await asked(at, { verb: "revoke", material: dead, keep: kept, begunBefore });
      return { undo, sessionsEnded: done.sessionsEnded ?? 0, settlesInMs: done.settlesInMs ?? 0 };
    },

    restore: ({ material, ...at }) => put(at, material),
  };
};
