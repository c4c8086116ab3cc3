import {
  ConstraintViolationException,
  DescribePolicyCommand,
  ListParentsCommand,
  ListTargetsForPolicyCommand,
  OrganizationsClient,
  UpdatePolicyCommand,
} from "@aws-sdk/client-organizations";
import { Misconfigured } from "../core/errors.ts";
import type { OrganizationPolicy } from "../core/organization.ts";
import type { Aws } from "../core/types.ts";

/** Units nest five deep, below a root: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html */
const DEEPEST = 7;

/** One service control policy, from the management account or one that its management is delegated to. */
export const organizationPolicy = (aws: Aws, PolicyId: string): OrganizationPolicy => {
  const client = () => aws(OrganizationsClient);
  const targets = async () => {
    const found: string[] = [];
    let NextToken: string | undefined;
    do {
      const command = new ListTargetsForPolicyCommand({ PolicyId, ...(NextToken && { NextToken }) });
      const page = await client().send(command);
      found.push(...(page.Targets ?? []).flatMap(({ TargetId }) => TargetId ?? []));
      NextToken = page.NextToken;
    } while (NextToken);
    return new Set(found);
  };
  const parent = async (ChildId: string) => (await client().send(new ListParentsCommand({ ChildId }))).Parents?.[0]?.Id;
  return {
    async read() {
      const { Policy } = await client().send(new DescribePolicyCommand({ PolicyId }));
      if (Policy?.Content === undefined) throw new Misconfigured(`Policy ${PolicyId} has no content.`);
      return Policy.Content;
    },
    async write(Content) {
      try {
        await client().send(new UpdatePolicyCommand({ PolicyId, Content }));
        return "written";
      } catch (error) {
        // docs.aws.amazon.com/organizations/latest/APIReference/API_UpdatePolicy.html, ConstraintViolationException
        const isSize =
          error instanceof ConstraintViolationException && error.Reason === "POLICY_CONTENT_LIMIT_EXCEEDED";
        if (isSize) return "full";
        throw error;
      }
    },
    async covers(account) {
      const attached = await targets();
      let at: string | undefined = account;
      for (let n = 0; at && n < DEEPEST; n++) {
        if (attached.has(at)) return true;
        at = at.startsWith("r-") ? undefined : await parent(at);
      }
      return false;
    },
  };
};
