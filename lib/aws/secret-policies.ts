import {
  DeleteResourcePolicyCommand,
  GetResourcePolicyCommand,
  PutResourcePolicyCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import type { Aws } from "../core/types.ts";
import type { SecretPolicies } from "../core/withheld.ts";

/** Resource policies in Secrets Manager. One that would open a secret to everybody is refused by it. */
export const secretPolicies = (aws: Aws): SecretPolicies => {
  const client = () => aws(SecretsManagerClient);
  return {
    read: async (SecretId) => (await client().send(new GetResourcePolicyCommand({ SecretId }))).ResourcePolicy,
    async write(SecretId, ResourcePolicy) {
      await client().send(new PutResourcePolicyCommand({ SecretId, ResourcePolicy, BlockPublicPolicy: true }));
    },
    async remove(SecretId) {
      await client().send(new DeleteResourcePolicyCommand({ SecretId }));
    },
  };
};
