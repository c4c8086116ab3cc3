import { GetUserCommand, type IAMClient } from "@aws-sdk/client-iam";
import { Misconfigured } from "../../core/errors.ts";
import { isNamed } from "./aws-fault.ts";
import { MANAGED } from "./iam-grants.ts";

const PATH = "/rekey/";

/** Under `path` every credential of the user is Rekey's; by `tag` only those that are in the secret are. */
export type Ownership = "path" | "tag";
export type Owned = { readonly by: Ownership; readonly tags: Readonly<Record<string, string>> };

const mend = (user: string) =>
  `Move it with \`aws iam update-user --user-name ${user} --new-path ${PATH}\`, or tag it with \`aws iam tag-user --user-name ${user} --tags Key=${MANAGED},Value=true\`.`;

/** Says by what right Rekey may manage this user's credentials, and the user's tags. Throws Misconfigured when it may not. */
export const owned = async (iam: IAMClient, user: string, abortSignal: AbortSignal): Promise<Owned> => {
  try {
    const { User } = await iam.send(new GetUserCommand({ UserName: user }), { abortSignal });
    const tags = Object.fromEntries((User?.Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""]));
    if (User?.Path?.startsWith(PATH)) return { by: "path", tags };
    if (tags[MANAGED] === "true") return { by: "tag", tags };
  } catch (error) {
    if (isNamed(error, "NoSuchEntity")) {
      throw new Misconfigured(
        `IAM user ${user} does not exist. Create it under path ${PATH}, or correct tag rekey:user.`,
      );
    }
    // Rekey's own role may look only at users that it may manage, so a refusal means the same as a wrong path.
    if (!isNamed(error, "AccessDenied")) throw error;
  }
  throw new Misconfigured(`IAM user ${user} is neither under path ${PATH} nor tagged ${MANAGED}=true. ${mend(user)}`);
};
