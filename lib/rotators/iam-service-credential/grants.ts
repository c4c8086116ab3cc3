import { onManagedUsers } from "../shared/iam-grants.ts";

/** Start of the tag in which an intent is noted; the service follows. */
export const INTENT = "rekey:issuing/";

/** On the users that Rekey manages; of their tags it may write that of the intent only. */
export const grants = [
  ...onManagedUsers([
    "iam:GetUser",
    "iam:ListServiceSpecificCredentials",
    "iam:CreateServiceSpecificCredential",
    "iam:UpdateServiceSpecificCredential",
    "iam:DeleteServiceSpecificCredential",
  ]),
  ...onManagedUsers(["iam:TagUser"], { "ForAllValues:StringLike": { "aws:TagKeys": `${INTENT}*` } }),
];
