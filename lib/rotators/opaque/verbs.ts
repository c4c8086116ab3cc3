import { Misconfigured } from "../../core/errors.ts";
import { secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { functionVerbs } from "../shared/function-verbs.ts";
import { generate } from "./generate.ts";
import type { Material, Target } from "./schema.ts";

type Hooked = Target & { readonly function: string };
const hooked = (target: Target): Hooked | undefined =>
  target.function === undefined ? undefined : { ...target, function: target.function };

/** A death that nobody can try is not reported: the containment fails, in words that say what a person can do. */
const cannotProve = ({ resource }: Target) =>
  new Misconfigured(
    `Nothing can be asked whether ${resource} still takes its old value, so it cannot be proven dead. Rotate it and restart every reader; to have it contained, give tag rekey:function a function that tries and ends a value.`,
  );

type Verbs = RotatorVerbs<Target, Material> & Required<Pick<RotatorVerbs<Target, Material>, "restore">>;

/** Generates; whatever needs the readers' side is asked of the function, where there is one. */
export const connect = (deps: Deps): Verbs => {
  const verbs = functionVerbs<Hooked, Material>(deps);
  return {
    issue: async ({ target, current }) => secret({ ...current?.reveal(), value: generate(target, deps.random) }),
    async install({ target, ...rest }) {
      const to = hooked(target);
      if (to) await verbs.install({ target: to, ...rest });
    },
    // Without a function the readers take whatever is current: there is no one who could refuse.
    async verify({ target, ...rest }) {
      const to = hooked(target);
      if (to) await verbs.verify({ target: to, ...rest });
    },
    async revoke({ target, ...rest }) {
      const to = hooked(target);
      if (!to) throw cannotProve(target);
      return verbs.revoke({ target: to, ...rest });
    },
    async restore({ target, ...rest }) {
      const to = hooked(target);
      if (!to) throw cannotProve(target);
      await verbs.restore({ target: to, ...rest });
    },
  };
};
