import wildcard from "wildcard-match";
import type { PrincipalPolicies } from "../core/quarantine-commands.ts";
import { kindOf, QUOTA, sizeOf } from "../core/quarantine-policy.ts";
import type { Identifier } from "../core/types.ts";

/** Inline policies in Maps, with IAM's quotas and none of its delays. */
export const memoryPrincipals = () => {
  const inline = new Map<Identifier, Map<string, string>>();
  const taken = (principal: Identifier, except: string) =>
    [...(inline.get(principal) ?? [])].reduce((sum, [name, text]) => (name === except ? sum : sum + sizeOf(text)), 0);
  const arnOf = (principal: Identifier) => {
    const [, kind = "", account = "", name = ""] = /^iam-(\w+):(\d+)\/(.+)$/.exec(principal) ?? [];
    return `arn:aws:iam::${account}:${kind}/${name}`;
  };
  const policies: PrincipalPolicies = {
    async read(principal, policy) {
      const own = inline.get(principal);
      if (!own) return undefined;
      const document = own.get(policy);
      const others = [...own.keys()].filter((name) => name !== policy);
      return {
        others,
        taken: taken(principal, policy),
        arn: arnOf(principal),
        ...(document !== undefined && { document }),
      };
    },
    async write(principal, policy, document) {
      if (taken(principal, policy) + sizeOf(document) > QUOTA[kindOf(principal)]) return "full";
      inline.get(principal)?.set(policy, document);
      return "written";
    },
    async remove(principal, policy) {
      inline.get(principal)?.delete(policy);
    },
    denies: async (arn, { context, resources = ["*"] }) => {
      const [, kind, name = ""] = /^arn:aws:iam::(\d+):(?:role|user)\/(.+)$/.exec(arn) ?? [];
      const own = [...inline].find(([id]) => id.endsWith(`:${kind}/${name}`))?.[1];
      const keys = Object.fromEntries(context ? [context] : []);
      return resources.every((resource) => [...(own?.values() ?? [])].some((text) => deniedBy(text, keys, resource)));
    },
  };
  return { policies, inline };
};

type Context = Readonly<Record<string, string>>;
type Statement = {
  readonly Effect: string;
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
};

/** Of the operators that denials use; a key that the request does not carry matches none of them, as IAM has it. */
const holds = (operator: string, wanted: string | readonly string[], value: string | undefined) => {
  if (value === undefined) return false;
  const all = [wanted].flat();
  if (operator === "ArnLike") return wildcard(all, { separator: false })(value);
  return operator === "DateLessThan" ? all.some((date) => Date.parse(value) < Date.parse(date)) : all.includes(value);
};

/** Whether a policy denies reading that secret, or any action, to a request with these context keys. */
export const deniedBy = (document: string, context: Context, resource = "*"): boolean =>
  (JSON.parse(document) as { readonly Statement: readonly Statement[] }).Statement.some(
    ({ Effect, Resource = "*", Condition = {} }) =>
      Effect === "Deny" &&
      (Resource === "*" || Resource.includes(resource)) &&
      Object.entries(Condition).every(([operator, pairs]) =>
        Object.entries(pairs).every(([key, wanted]) => holds(operator, wanted, context[key])),
      ),
  );
