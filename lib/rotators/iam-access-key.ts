import { CreateAccessKeyCommand, IAMClient } from "@aws-sdk/client-iam";
import * as z from "zod/mini";
import { Misconfigured } from "../core/errors.ts";
import { type Secret, secret } from "../core/secret.ts";
import { type Deps, defineRotator, type RotatorVerbs } from "../core/types.ts";
import { type At, deleteOrphans, makeRoom, setStatus } from "./iam-access-key/keys.ts";
import { authenticate, untilAccepted } from "./iam-access-key/probe.ts";
import { allowSessions, endSessions } from "./iam-access-key/sessions.ts";
import { isNamed, ownership, TAG } from "./iam-access-key/user.ts";

const Target = z.object({ user: z.string().check(z.regex(/^[\w+=,.@-]{1,64}$/)) });
const Material = z.looseObject({
  accessKeyId: z.string().check(z.regex(/^\w{16,128}$/)),
  secretAccessKey: z.string().check(z.minLength(16)),
  userName: z.optional(z.string()),
});
type Target = z.infer<typeof Target>;
type Material = z.infer<typeof Material>;

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

const connect = (deps: Deps): RotatorVerbs<Target, Material> => {
  const at = ({ target, signal }: { readonly target: Target; readonly signal: AbortSignal }): At => ({
    iam: deps.aws(IAMClient),
    user: target.user,
    signal,
  });
  return {
    async issue({ current, previous, ...attempt }) {
      const here = at(attempt);
      const by = await ownership(here.iam, here.user, here.signal);
      await makeRoom(here, { current: keyId(current), previous: keyId(previous), by });
      return secret(Material.parse({ ...current?.reveal(), ...(await createKey(here)) }));
    },
    install: ({ next, target, signal }) => untilAccepted(deps, { user: target.user, pair: next.reveal(), signal }),
    verify: ({ material, target, signal }) =>
      authenticate(deps, { user: target.user, pair: material.reveal(), signal }),

    /** The key first, since it mints sessions; then the sessions. Inactive, not deleted: that can be undone. */
    async revoke({ material, keep, begunBefore, ...attempt }) {
      const here = at(attempt);
      const { accessKeyId } = material.reveal();
      if (!keep.some((kept) => keyId(kept) === accessKeyId)) await setStatus(here, accessKeyId, "Inactive");
      // With nothing kept, nobody's sessions need sparing.
      const until = keep.length > 0 ? begunBefore : undefined;
      const cutoff = await endSessions(here, until ?? deps.clock.now());
      // IAM does not count sessions; 0 is what is known.
      return { undo: { cutoff }, sessionsEnded: 0, settlesInMs: SETTLES_IN_MS };
    },

    async restore({ material, undo, ...attempt }) {
      const here = at(attempt);
      const { accessKeyId } = material.reveal();
      if (!(await setStatus(here, accessKeyId, "Active"))) {
        throw new Misconfigured(
          `Access key ${accessKeyId} of IAM user ${here.user} was deleted and cannot come back. Rotate the credential instead.`,
        );
      }
      if (typeof undo["cutoff"] === "string") await allowSessions(here, undo["cutoff"]);
      await untilAccepted(deps, { user: here.user, pair: material.reveal(), signal: here.signal });
    },

    /** By tag alone an unknown key may be anyone's: it is left, and `issue` refuses if it takes the last slot. */
    async sweep({ keep, ...attempt }) {
      const here = at(attempt);
      if ((await ownership(here.iam, here.user, here.signal)) !== "path") return;
      await deleteOrphans(
        here,
        keep.map((kept) => kept.reveal().accessKeyId),
      );
    },
  };
};

const actions = [
  "iam:GetUser",
  "iam:ListAccessKeys",
  "iam:GetAccessKeyLastUsed",
  "iam:CreateAccessKey",
  "iam:UpdateAccessKey",
  "iam:DeleteAccessKey",
  "iam:GetUserPolicy",
  "iam:PutUserPolicy",
  "iam:DeleteUserPolicy",
];

export default defineRotator({
  kind: "iam-access-key",
  title: "Access key of an IAM user; a revoke deactivates the key and ends the sessions that the user's keys minted",
  notes: [
    `The user has to be under path /rekey/ or carry tag ${TAG}=true; Rekey touches no other. One user belongs to one secret.`,
    "IAM allows two keys a user. A rotation never touches the current key; it deletes the previous one to make room, just before it creates the next.",
    "Under /rekey/ every key is Rekey's: an active key that is in no labelled version, and that nothing but Rekey's own probe has used, is taken for the debris of a crash and deleted, and an inactive one may be deleted for room. Of a user that is only tagged, unknown keys are left alone.",
    "A revoke makes the key inactive and denies everything to sessions of the user (GetSessionToken, GetFederationToken) begun until 30 s after it. IAM does not tell which of a user's keys began a session, so a workload that uses such sessions has to begin new ones; requests signed with the other key itself go on.",
    "GetCallerIdentity is the proof of death. Sessions cannot be tried, as Rekey does not hold them.",
  ],
  target: Target,
  material: Material,
  overlap: () => 2,
  grants: [
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: filled in at deploy
    { actions, resources: ["arn:${partition}:iam::${account}:user/rekey/*"] },
    {
      actions,
      resources: ["arn:${partition}:iam::${account}:user/*"],
      conditions: { StringEquals: { [`aws:ResourceTag/${TAG}`]: "true" } },
    },
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: filled in at deploy
  ],
  example: {
    tags: { user: "orders-exporter" },
    material: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
  },
  identifiers: ({ user }, { accessKeyId }, account) => [`aws-key:${accessKeyId}`, `iam-user:${account}/${user}`],
  connect,
});
