import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import type { Aws } from "../core/types.ts";
import { makeAws } from "./clients.ts";

/** As long as a function may run and more; a session is asked for again before it ends. */
const SESSION_S = 3_600;

/** Clients that act as a role, by sessions that the SDK keeps until shortly before they end. */
export const actingAs = (aws: Aws, RoleArn: string, RoleSessionName: string): Aws => {
  const credentials = async () => {
    const command = new AssumeRoleCommand({ RoleArn, RoleSessionName, DurationSeconds: SESSION_S });
    const { Credentials: given } = await aws(STSClient).send(command);
    return {
      accessKeyId: given?.AccessKeyId ?? "",
      secretAccessKey: given?.SecretAccessKey ?? "",
      sessionToken: given?.SessionToken ?? "",
      ...(given?.Expiration && { expiration: given.Expiration }),
    };
  };
  return makeAws({ credentials });
};
