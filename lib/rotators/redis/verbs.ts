import { Misconfigured } from "../../core/errors.ts";
import { passwordFor } from "../../core/password.ts";
import { mapSecret } from "../../core/secret.ts";
import type { Deps, IssueRequest } from "../../core/types.ts";
import { inspect } from "./inspect.ts";
import { install } from "./install.ts";
import { rescope, scope, widen } from "./rescope.ts";
import { restore } from "./restore.ts";
import { revoke } from "./revoke.ts";
import { loginOf, type Material, type Target } from "./target.ts";
import { uses } from "./uses.ts";
import { verify } from "./verify.ts";

const issue = (deps: Deps, { target, current }: IssueRequest<Target, Material>) => {
  if (!current) {
    throw new Misconfigured(
      `A secret of kind redis needs a first version that says where its user lives. Put one with host, port, username and any password (its users: ${target.logins?.join(", ") ?? "one"}), then rotate.`,
    );
  }
  return mapSecret(current, (material): Material => {
    loginOf(target, material);
    const other = target.logins?.find((login) => login !== material.username);
    const username = target.strategy === "alternating" && other !== undefined ? other : material.username;
    return { ...material, username, password: passwordFor(target, deps.random) };
  });
};

type Bound<V> = V extends (deps: Deps, request: infer R) => infer A ? (request: R) => A : never;

export const verbs = (deps: Deps) => {
  const bound = <V extends (deps: Deps, request: never) => unknown>(verb: V) =>
    ((request: never) => verb(deps, request)) as Bound<V>;
  return {
    issue: async (request: IssueRequest<Target, Material>) => issue(deps, request),
    install: bound(install),
    verify,
    revoke: bound(revoke),
    restore: bound(restore),
    scope: bound(scope),
    rescope: bound(rescope),
    widen: bound(widen),
    uses: bound(uses),
    inspect: bound(inspect),
  };
};
