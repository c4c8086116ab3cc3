import { IAMClient } from "@aws-sdk/client-iam";
import { Misconfigured } from "../../core/errors.ts";
import { type Secret, secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { withClasses } from "../shared/aws-fault.ts";
import { owned } from "../shared/iam-user.ts";
import { type At, create, list, makeRoom, remove, setStatus } from "./credentials.ts";
import { inspectAt } from "./inspect.ts";
import { noteIntent, orphans } from "./intent.ts";
import { attempt, authenticate, untilAccepted } from "./probe.ts";
import { Material, type Target } from "./schema.ts";

/** IAM propagation: 3 to 4 s observed by others (OFFENSAI, 2025), doubled and rounded up. */
const SETTLES_IN_MS = 10_000;

type Verbs = RotatorVerbs<Target, Material> &
  Required<Pick<RotatorVerbs<Target, Material>, "restore" | "sweep" | "inspect">>;
type Request = { readonly target: Target; readonly signal: AbortSignal };

const idOf = (material: Secret<Material> | undefined) => material?.reveal().serviceSpecificCredentialId;

const issuing = (deps: Deps, at: (request: Request) => At): Pick<Verbs, "issue" | "sweep"> => ({
  async issue({ current, previous, ...request }) {
    const here = at(request);
    const { by } = await owned(here.iam, here.target.user, here.signal);
    const there = await makeRoom(here, { current: idOf(current), previous: idOf(previous), by });
    await noteIntent(here, deps.clock.now(), there);
    return secret(Material.parse({ ...current?.reveal(), ...(await create(here)) }));
  },
  async sweep({ keep, ...request }) {
    const here = at(request);
    const { tags } = await owned(here.iam, here.target.user, here.signal);
    const ids = keep.flatMap((kept) => idOf(kept) ?? []);
    for (const id of orphans(here, tags, await list(here), ids)) await remove(here, id);
  },
});

const ending = (deps: Deps, at: (request: Request) => At): Pick<Verbs, "revoke" | "restore"> => ({
  /** Inactive, not deleted: that can be undone. */
  async revoke({ material, keep, ...request }) {
    const id = material.reveal().serviceSpecificCredentialId;
    if (!keep.some((kept) => idOf(kept) === id)) await setStatus(at(request), id, "Inactive");
    return { undo: {}, sessionsEnded: 0, settlesInMs: SETTLES_IN_MS };
  },
  async restore({ material, target, signal }) {
    const id = material.reveal().serviceSpecificCredentialId;
    if (!(await setStatus(at({ target, signal }), id, "Active"))) {
      throw new Misconfigured(
        `Credential ${id} of IAM user ${target.user} was deleted and cannot come back. Rotate it instead.`,
      );
    }
    await untilAccepted(deps, { material: material.reveal(), target, signal });
  },
});

/** The verbs themselves; they bring the IAM and Bedrock clients. */
export const connect = (deps: Deps): Verbs => {
  const at = ({ target, signal }: Request): At => ({ iam: deps.aws(IAMClient), target, signal });
  const verbs: Verbs = {
    ...issuing(deps, at),
    ...ending(deps, at),
    install: ({ next, target, signal }) => untilAccepted(deps, { material: next.reveal(), target, signal }),
    verify: ({ material, target, signal }) => authenticate(deps, { material: material.reveal(), target, signal }),
    inspect: ({ current, ...request }) =>
      inspectAt(at(request), { current: idOf(current), now: deps.clock.now() }, () => {
        if (current) return attempt(deps, { material: current.reveal(), ...request });
        throw new Error("there is no version to try");
      }),
  };
  const classed =
    <R extends Request, A>(verb: (request: R) => Promise<A>) =>
    (request: R): Promise<A> =>
      withClasses(`IAM user ${request.target.user}, ${request.target.service}`, () => verb(request));
  return {
    issue: classed(verbs.issue),
    install: classed(verbs.install),
    verify: classed(verbs.verify),
    revoke: classed(verbs.revoke),
    restore: classed(verbs.restore),
    sweep: classed(verbs.sweep),
    inspect: classed(verbs.inspect),
  };
};
