import type { OrganizationPolicy } from "../../lib/core/organization.ts";
import type { PrincipalPolicies } from "../../lib/core/quarantine-commands.ts";
import type { Clock, Identifier } from "../../lib/core/types.ts";
import { deniedBy, type memoryPrincipals } from "../../lib/memory/principal-policies.ts";

type Change = { readonly policy: string; readonly document: string | undefined; readonly effectiveAt: number };

/**
 * IAM whose changes bite later than they are written, each after its own delay: what is read back is new, what a request
 * meets may be old. A newer change that bites sooner hides an older one.
 */
export const slowIam = (
  { policies, inline }: ReturnType<typeof memoryPrincipals>,
  principal: Identifier,
  clock: Clock,
  delays: readonly number[],
) => {
  const changes: Change[] = [];
  const note = (policy: string, document: string | undefined) => {
    const delay = delays[changes.length % delays.length] ?? 0;
    changes.push({ policy, document, effectiveAt: Date.parse(clock.now()) + delay });
  };
  const slow: PrincipalPolicies = {
    ...policies,
    async write(id, policy, document) {
      const told = await policies.write(id, policy, document);
      if (told === "written") note(policy, document);
      return told;
    },
    async remove(id, policy) {
      await policies.remove(id, policy);
      note(policy, undefined);
    },
  };
  const met = (policy: string) => {
    const now = Date.parse(clock.now());
    return changes.findLast((change) => change.policy === policy && change.effectiveAt <= now)?.document;
  };
  return {
    policies: slow,
    /** Whether a request with these context keys is refused now. */
    refuses: (context: Readonly<Record<string, string>>): boolean =>
      [...new Set(changes.map(({ policy }) => policy))].some((policy) => {
        const document = met(policy);
        return document !== undefined && deniedBy(document, context);
      }),
    /** What whoever may edit the principal does to free it. */
    async detach() {
      const names = [...(inline.get(principal)?.keys() ?? [])].filter((name) => name.startsWith("RekeyQuarantine-"));
      for (const name of names) await slow.remove(principal, name);
    },
  };
};

/** Organizations whose changes bite later than they are written, likewise. */
export const slowOrganization = (policy: OrganizationPolicy, clock: Clock, delays: readonly number[]) => {
  const changes: { readonly document: string; readonly effectiveAt: number }[] = [];
  const slow: OrganizationPolicy = {
    ...policy,
    async write(document) {
      const told = await policy.write(document);
      const delay = delays[changes.length % delays.length] ?? 0;
      if (told === "written") changes.push({ document, effectiveAt: Date.parse(clock.now()) + delay });
      return told;
    },
  };
  return {
    policy: slow,
    refuses: (context: Readonly<Record<string, string>>): boolean => {
      const now = Date.parse(clock.now());
      const met = changes.findLast(({ effectiveAt }) => effectiveAt <= now);
      return met !== undefined && deniedBy(met.document, context);
    },
  };
};
