import { AwaitingPerson } from "../../core/errors.ts";
import type { RotatorVerbs } from "../../core/types.ts";
import type { Material, Target } from "./schema.ts";

const ask = async ({ target: { provider, resource, runbook } }: { readonly target: Target }): Promise<never> => {
  throw new AwaitingPerson(
    `Only a person can make, try or end ${resource} of ${provider}${runbook ? ` (${runbook})` : ""}. \`rekey attest\` says that it was done.`,
  );
};

/** None of them is for Rekey to do. */
export const verbs: RotatorVerbs<Target, Material> = { issue: ask, install: ask, verify: ask, revoke: ask };
