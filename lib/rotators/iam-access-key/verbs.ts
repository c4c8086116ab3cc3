import { CreateAccessKeyCommand, IAMClient } from "@aws-sdk/client-iam";
import { Misconfigured } from "../../core/errors.ts";
import { type Secret, secret } from "../../core/secret.ts";
import type { Deps, RotatorVerbs } from "../../core/types.ts";
import { isNamed, withClasses } from "../shared/aws-fault.ts";
import { owned } from "../shared/iam-user.ts";
import { type At, deleteOrphans, makeRoom, setStatus } from "./keys.ts";
import { inspectAt, usesOf } from "./look.ts";
import { authenticate, untilAccepted } from "./probe.ts";
import { Material, type Target } from "./schema.ts";
import { allowSessions, endSessions } from "./sessions.ts";

/** IAM propagation: 3 to 4 s observed by others (OFFENSAI, 2025), doubled and rounded up. */
const SETTLES_IN_MS = 10_000;

const keyId = (material: Secret<Material> | undefined) => material?.reveal().accessKeyId;

const createKey = async ({ iam, user, signal }: At) => {
  try {
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: user }), { abortSignal: signal });
    return { userName: user, accessKeyId: AccessKey?.AccessKeyId, secretAccessKey: AccessKey?.SecretAccessKey };
  } catch (error) {
    if (!isNamed(error, "LimitExceeded")) throw error;
    throw new Misconfigured(
      `IAM user ${user} has no free key slot: someone made a key meanwhile. Run \`aws iam list-access-keys --user-name ${user}\`, delete the key that nothing uses, then rotate again.`,
    );
  }
};

type Verbs = RotatorVerbs<Target, Material> &
  Required<Pick<RotatorVerbs<Target, Material>, "restore" | "sweep" | "uses" | "inspect">>;
type Request = { readonly target: Target; readonly signal: AbortSignal };
type Place = (request: Request) => At;

const making = (deps: Deps, at: Place): Pick<Verbs, "issue" | "install" | "sweep"> => ({
  async issue({ current, previous, ...request }) {
    const here = at(request);
    const { by } = await owned(here.iam, here.user, here.signal);
    await makeRoom(here, { current: keyId(current), previous: keyId(previous), by });
    return secret(Material.parse({ ...current?.reveal(), ...(await createKey(here)) }));
  },
  install: ({ next, target, signal }) => untilAccepted(deps, { user: target.user, pair: next.reveal(), signal }),
  /** By tag alone an unknown key may be anyone's: it is left, and `issue` refuses if it takes the last slot. */
  async sweep({ keep, ...request }) {
    const here = at(request);
    if ((await owned(here.iam, here.user, here.signal)).by !== "path") return;
    await deleteOrphans(
      here,
      keep.map((kept) => kept.reveal().accessKeyId),
    );
  },
});

const ending = (deps: Deps, at: Place): Pick<Verbs, "revoke" | "restore"> => ({
  /** The key first, since it mints sessions; then the sessions. Inactive, not deleted: that can be undone. */
  async revoke({ material, keep, begunBefore, ...request }) {
    const here = at(request);
    const { accessKeyId } = material.reveal();
    if (!keep.some((kept) => keyId(kept) === accessKeyId)) await setStatus(here, accessKeyId, "Inactive");
    // With nothing kept, nobody's sessions need sparing.
    const until = keep.length > 0 ? begunBefore : undefined;
    const cutoff = await endSessions(here, until ?? deps.clock.now());
    // IAM does not count sessions; 0 is what is known.
    return { undo: { cutoff }, sessionsEnded: 0, settlesInMs: SETTLES_IN_MS };
  },
  async restore({ material, undo, ...request }) {
    const here = at(request);
    const { accessKeyId } = material.reveal();
    if (!(await setStatus(here, accessKeyId, "Active"))) {
      throw new Misconfigured(
        `Access key ${accessKeyId} of IAM user ${here.user} was deleted and cannot come back. Rotate the credential instead.`,
      );
    }
    if (typeof undo["cutoff"] === "string") await allowSessions(here, undo["cutoff"]);
    await untilAccepted(deps, { user: here.user, pair: material.reveal(), signal: here.signal });
  },
});

/** The verbs themselves; they bring the IAM and STS clients. Failures say of what class they are. */
export const connect = (deps: Deps): Verbs => {
  const at: Place = ({ target, signal }) => ({ iam: deps.aws(IAMClient), user: target.user, signal });
  const { issue, install, sweep } = making(deps, at);
  const { revoke, restore } = ending(deps, at);
  const classed =
    <R extends Request, A>(verb: (request: R) => Promise<A>) =>
    (request: R): Promise<A> =>
      withClasses(`IAM user ${request.target.user}`, () => verb(request));
  return {
    issue: classed(issue),
    install: classed(install),
    verify: classed(({ material, target, signal }) =>
      authenticate(deps, { user: target.user, pair: material.reveal(), signal }),
    ),
    revoke: classed(revoke),
    restore: classed(restore),
    sweep: classed(sweep),
    uses: classed(({ material, ...request }) => usesOf(at(request), material.reveal().accessKeyId)),
    inspect: classed(({ current, ...request }) => inspectAt(at(request), keyId(current))),
  };
};
