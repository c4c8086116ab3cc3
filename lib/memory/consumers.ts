import type { Consumer, Consumers } from "../core/adoption.ts";
import type { CredentialId } from "../core/types.ts";

/** The registry of consumers in Maps. */
export const memoryConsumers = (): Consumers => {
  const all = new Map<CredentialId, Map<string, Consumer>>();
  const of = (credential: CredentialId) => {
    const found = all.get(credential) ?? new Map<string, Consumer>();
    all.set(credential, found);
    return found;
  };
  return {
    async put(credential, consumer) {
      of(credential).set(consumer.name, consumer);
    },
    async remove(credential, name) {
      of(credential).delete(name);
    },
    list: async (credential) => [...of(credential).values()],
  };
};
