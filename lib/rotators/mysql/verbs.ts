import { Misconfigured } from "../../core/errors.ts";
import { passwordFor } from "../../core/password.ts";
import { mapSecret } from "../../core/secret.ts";
import type { Deps, IssueRequest, RotatorVerbs } from "../../core/types.ts";
import { inspect } from "./inspect.ts";
import { install } from "./install.ts";
import { rescope, scope, widen } from "./rescope.ts";
import { restore } from "./restore.ts";
import { revoke } from "./revoke.ts";
import type { Material, Target } from "./target.ts";
import { uses } from "./uses.ts";
import { verify } from "./verify.ts";

const issue = (deps: Deps, { target, current }: IssueRequest<Target, Material>) => {
  if (!current) {
    throw new Misconfigured(
      `A secret of kind mysql needs a first version that says where its login lives. Put one with host, port, username and any password (its logins: ${target.logins?.join(", ") ?? "one"}), then rotate.`,
    );
  }
  return mapSecret(current, (material): Material => {
    const other = target.logins?.find((login) => login !== material.username);
    return { ...material, username: other ?? material.username, password: passwordFor(target, deps.random) };
  });
};

type Verbs = Required<Omit<RotatorVerbs<Target, Material>, "sweep">>;

/** The verbs of this kind; Rekey loads them when the first is called. */
export const verbs = (deps: Deps): Verbs => ({
  issue: async (request) => issue(deps, request),
  install: (request) => install(deps, request),
  verify,
  revoke: (request) => revoke(deps, request),
  restore: (request) => restore(deps, request),
  scope: (request) => scope(deps, request),
  rescope: (request) => rescope(deps, request),
  widen: (request) => widen(deps, request),
  uses: (request) => uses(deps, request),
  inspect: (request) => inspect(deps, request),
});
