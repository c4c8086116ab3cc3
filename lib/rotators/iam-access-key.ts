import { lazily } from "../core/lazily.ts";
import { defineRotator } from "../core/types.ts";
import { Material, Target } from "./iam-access-key/schema.ts";
import { MANAGED, onManagedUsers } from "./shared/iam-grants.ts";

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
    `The user has to be under path /rekey/ or carry tag ${MANAGED}=true; Rekey touches no other. One user belongs to one secret.`,
    "IAM allows two keys a user. A rotation never touches the current key; it deletes the previous one to make room, just before it creates the next.",
    "Under /rekey/ every key is Rekey's: an active key that is in no labelled version, and that nothing but Rekey's own probe has used, is taken for the debris of a crash and deleted, and an inactive one may be deleted for room. Of a user that is only tagged, unknown keys are left alone.",
    "A revoke makes the key inactive and denies everything to sessions of the user (GetSessionToken, GetFederationToken) begun until 30 s after it. IAM does not tell which of a user's keys began a session, so a workload that uses such sessions has to begin new ones; requests signed with the other key itself go on.",
    "GetCallerIdentity is the proof of death. Sessions cannot be tried, as Rekey does not hold them.",
  ],
  target: Target,
  material: Material,
  facts: {
    sessions: "those that the user's keys minted",
    window: "none",
    testedAgainst: "emulated IAM, enforced",
  },
  strategies: ["overlap"],
  restores: true,
  strategy: () => "overlap",
  // IAM keeps user names unique without regard to case.
  identity: ({ user }, _, account) => `iam-user:${account}/${user.toLowerCase()}`,
  grants: onManagedUsers(actions),
  example: {
    tags: { user: "orders-exporter" },
    material: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
  },
  identifiers: ({ user }, { accessKeyId }, account) => [`aws-key:${accessKeyId}`, `iam-user:${account}/${user}`],
  // Two SDK clients that a database's containment need not wait for.
  connect: (deps) =>
    lazily(["restore", "sweep", "uses", "inspect"], async () =>
      (await import("./iam-access-key/verbs.ts")).connect(deps),
    ),
});
