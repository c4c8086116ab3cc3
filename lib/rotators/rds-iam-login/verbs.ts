import { Conflict, Misconfigured } from "../../core/errors.ts";
import type { Deps, RotatorVerbs, VerifyRequest } from "../../core/types.ts";
import { driver } from "../postgres/connect.ts";
import { forbid, isShared, unlock } from "../postgres/revoke.ts";
import { tokenLogin } from "../postgres/target.ts";
import { verifyLogin } from "../postgres/verify.ts";
import type { Material, Target } from "./target.ts";

type Verbs = Required<Omit<RotatorVerbs<Target, Material>, "sweep">>;
type Trial = Pick<VerifyRequest<Target, Material>, "target" | "material" | "signal">;

/** The engine asks neither; whoever does is told the same. */
const nothingToMake = async () => {
  throw new Misconfigured("An RDS IAM login holds no password, so that there is nothing to issue or install.");
};

const BY_HAND = "Look at it there by hand: ALTER ROLE … LOGIN lets it in.";

const shared = (material: Material) =>
  new Conflict(
    `Login ${material.username} is that of a version which must go on working, and RDS knows logins, not versions. Contain the credential as a whole.`,
  );

/** The same request as the rooms of PostgreSQL take it. */
const at = <R extends { readonly target: Target }>(request: R) => ({
  ...request,
  target: { ...request.target, byToken: { region: request.target.region } },
});

export const connect = (deps: Deps): Verbs => {
  driver().catch(() => undefined);
  const loginOf = ({ target, material }: Pick<Trial, "target" | "material">) =>
    tokenLogin(deps, at({ target }).target, material.reveal());
  const verify = (trial: Trial) => verifyLogin(loginOf(trial), trial.signal, trial.target.probe);
  return {
    issue: nothingToMake,
    install: nothingToMake,
    verify,
    revoke: async (request) => {
      if (isShared(request)) throw shared(request.material.reveal());
      return forbid(deps, at(request));
    },
    restore: (request) => unlock(deps, at(request), { verify: () => verify(request), instead: BY_HAND }),
    // Nobody asks these in an incident.
    scope: async (request) => (await import("../postgres/rescope.ts")).scope(deps, at(request)),
    rescope: async (request) => (await import("../postgres/rescope.ts")).rescope(deps, at(request), loginOf(request)),
    widen: async (request) => (await import("../postgres/rescope.ts")).widen(deps, at(request)),
    uses: async (request) => (await import("../postgres/uses.ts")).uses(deps, at(request)),
    inspect: async (request) => (await import("./inspect.ts")).inspect(deps, at(request)),
  };
};
