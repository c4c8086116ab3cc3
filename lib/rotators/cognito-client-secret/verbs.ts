import { secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { withClasses } from "../shared/aws-fault.ts";
import { inspectAt } from "./inspect.ts";
import { installAt, issueAt } from "./issue.ts";
import { authenticate, placed } from "./probe.ts";
import { restoreAt, revokeAt } from "./revoke.ts";
import { Material, type Target } from "./schema.ts";

/** Cognito does not document how long a deleted secret is taken anywhere; as for IAM's changes, 10 s. */
const SETTLES_IN_MS = 10_000;

type Verbs = RotatorVerbs<Target, Material> & Required<Pick<RotatorVerbs<Target, Material>, "restore" | "inspect">>;
type Request = { readonly target: Target; readonly signal: AbortSignal };

/** The verbs themselves; they bring the Cognito client. Failures say of what class they are. */
export const connect = (deps: Deps): Verbs => {
  const at = (request: Request) => placed(deps, request);
  const classed =
    <R extends Request, A>(verb: (request: R) => Promise<A>) =>
    (request: R): Promise<A> =>
      withClasses(`App client ${request.target.client} of user pool ${request.target.userPool}`, () => verb(request));
  return {
    issue: classed(async ({ current, previous, ...request }) =>
      secret(
        Material.parse(await issueAt(deps, at(request), { current: current?.reveal(), previous: previous?.reveal() })),
      ),
    ),
    install: classed(({ next, ...request }) => installAt(deps, at(request), next.reveal())),
    verify: classed(({ material, target, signal }) =>
      authenticate(deps, { material: material.reveal(), target, signal }),
    ),
    revoke: classed(async ({ material, keep, ...request }) => {
      const kept = keep.map((one) => one.reveal());
      const undo = await revokeAt(deps, at(request), material.reveal(), kept);
      return { undo, sessionsEnded: 0, settlesInMs: SETTLES_IN_MS };
    }),
    restore: classed(({ material, undo, ...request }) => restoreAt(deps, at(request), material.reveal(), undo)),
    inspect: classed(({ current, ...request }) => inspectAt(at(request), current?.reveal())),
  };
};
