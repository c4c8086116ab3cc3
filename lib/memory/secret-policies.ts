import type { CredentialId } from "../core/types.ts";
import type { SecretPolicies } from "../core/withheld.ts";

/** Resource policies in a Map. */
export const memorySecretPolicies = () => {
  const texts = new Map<CredentialId, string>();
  const policies: SecretPolicies = {
    read: async (id) => texts.get(id),
    write: async (id, policy) => void texts.set(id, policy),
    remove: async (id) => void texts.delete(id),
  };
  return { policies, texts };
};
