import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  DeleteUserPolicyCommand,
  IAMClient,
  ListAccessKeysCommand,
  ListUserPoliciesCommand,
} from "@aws-sdk/client-iam";
import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { Canary } from "../core/drill.ts";
import { type Secret, secret } from "../core/secret.ts";
import type { Aws } from "../core/types.ts";

type Pair = { readonly accessKeyId: string; readonly secretAccessKey: string };
/** As STS names a key that is inactive or gone, and one whose secret half is wrong (STS API reference, common errors). */
const REFUSALS = ["InvalidClientTokenId", "InvalidAccessKeyId"];

const clear = async (iam: IAMClient, UserName: string): Promise<void> => {
  const { AccessKeyMetadata = [] } = await iam.send(new ListAccessKeysCommand({ UserName }));
  for (const { AccessKeyId } of AccessKeyMetadata) {
    if (AccessKeyId) await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
  }
  const { PolicyNames = [] } = await iam.send(new ListUserPoliciesCommand({ UserName }));
  for (const PolicyName of PolicyNames) await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName }));
};

/** The canary that the stack has made: one user, one secret, both by name. Two keys at most, so one page tells all. */
export const iamCanary = (
  aws: Aws,
  { user, secretId }: { readonly user: string; readonly secretId: string },
): Canary => {
  let held: Secret<Pair> | undefined;
  return {
    clear: () => clear(aws(IAMClient), user),
    async arm() {
      const { AccessKey } = await aws(IAMClient).send(new CreateAccessKeyCommand({ UserName: user }));
      const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = AccessKey ?? {};
      held = secret({ accessKeyId, secretAccessKey });
      const SecretString = JSON.stringify(held.reveal());
      await aws(SecretsManagerClient).send(new PutSecretValueCommand({ SecretId: secretId, SecretString }));
      return accessKeyId;
    },
    async tries() {
      if (!held) return "doubt";
      const client = aws(STSClient, { credentials: held.reveal(), maxAttempts: 1 });
      return client.send(new GetCallerIdentityCommand({})).then(
        () => "works",
        (error: unknown) => (error instanceof Error && REFUSALS.includes(error.name) ? "refused" : "doubt"),
      );
    },
  };
};
