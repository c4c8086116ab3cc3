import type { OrganizationPolicy } from "../core/organization.ts";
import { ORGANIZATION_QUOTA } from "../core/organization-policy.ts";

/** One policy in a variable, attached to these accounts, or to all of them. */
export const memoryOrganization = (document: string, accounts?: readonly string[]) => {
  const cell = { document };
  const policy: OrganizationPolicy = {
    read: async () => cell.document,
    async write(next) {
      if (next.length > ORGANIZATION_QUOTA) return "full";
      cell.document = next;
      return "written";
    },
    covers: async (account) => accounts?.includes(account) ?? true,
  };
  return { policy, cell };
};
