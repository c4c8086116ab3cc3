import { GetUserCommand, type IAMClient } from "@aws-sdk/client-iam";
import { Misconfigured } from "../../core/errors.ts";
import { TAG } from "./schema.ts";

const PATH = "/rekey/";

/** Under `path` every key of the user is Rekey's; by `tag` only the keys that are in the secret are. */
export type Ownership = "path" | "tag";

export const isNamed = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.some((name) => error.name === name || error.name === `${name}Exception`);

const mend = (user: string) =>
  `Move it with \`aws iam update-user --user-name ${user} --new-path ${PATH}\`, or tag it with \`aws iam tag-user --user-name ${user} --tags Key=${TAG},Value=true\`.`;

/** Says by what right Rekey may manage this user's keys. Throws Misconfigured when it may not. */
export const ownership = async (iam: IAMClient, user: string, abortSignal: AbortSignal): Promise<Ownership> => {
  try {
    const { User } = await iam.send(new GetUserCommand({ UserName: user }), { abortSignal });
    if (User?.Path?.startsWith(PATH)) return "path";
    if (User?.Tags?.some(({ Key, Value }) => Key === TAG && Value === "true")) return "tag";
  } catch (error) {
    if (isNamed(error, "NoSuchEntity")) {
      throw new Misconfigured(
        `IAM user ${user} does not exist. Create it under path ${PATH}, or correct tag rekey:user.`,
      );
    }
    // Rekey's own role may look only at users that it may manage, so a refusal means the same as a wrong path.
    if (!isNamed(error, "AccessDenied")) throw error;
  }
  throw new Misconfigured(`IAM user ${user} is neither under path ${PATH} nor tagged ${TAG}=true. ${mend(user)}`);
};
