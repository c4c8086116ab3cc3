import type { Grant } from "../../core/types.ts";

/** Tag of a user pool whose app clients Rekey may manage. */
export const MANAGED = "rekey:managed";
/** Start of the pool's tag that names a client's placeholder; the client id follows. */
export const LOCKED = "rekey:locked/";

// biome-ignore lint/suspicious/noTemplateCurlyInString: filled in at deploy
const resources = ["arn:${partition}:cognito-idp:${region}:${account}:userpool/*"];
const managed = { StringEquals: { [`aws:ResourceTag/${MANAGED}`]: "true" } };

/** On tagged pools only. DescribeUserPoolClient, which shows the secret in clear, is not among them. */
export const grants: readonly Grant[] = [
  {
    actions: [
      "cognito-idp:DescribeUserPool",
      "cognito-idp:ListUserPoolClientSecrets",
      "cognito-idp:AddUserPoolClientSecret",
      "cognito-idp:DeleteUserPoolClientSecret",
    ],
    resources,
    conditions: managed,
  },
  {
    actions: ["cognito-idp:TagResource"],
    resources,
    conditions: { ...managed, "ForAllValues:StringLike": { "aws:TagKeys": `${LOCKED}*` } },
  },
];
