import * as z from "zod/mini";

const Many = z.union([z.string(), z.array(z.string())]);
const Values = z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number(), z.boolean()]))]);
const Principals = z.union([z.string(), z.record(z.string(), Many)]);

/** docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html. */
const Statement = z.object({
  Effect: z.enum(["Allow", "Deny"]),
  Action: z.optional(Many),
  NotAction: z.optional(Many),
  Resource: z.optional(Many),
  NotResource: z.optional(Many),
  Principal: z.optional(Principals),
  NotPrincipal: z.optional(Principals),
  Condition: z.optional(z.record(z.string(), z.record(z.string(), Values))),
});
const Document = z.object({
  Version: z.optional(z.string()),
  Statement: z.union([Statement, z.array(Statement)]),
});

/** An element that lists what it means, or all but that. */
export type Listed = { readonly but: boolean; readonly names: readonly string[] };
export type Named = { readonly type: string; readonly name: string };
export type Condition = { readonly operator: string; readonly key: string; readonly values: readonly string[] };

export type PolicyStatement = {
  readonly effect: "Allow" | "Deny";
  readonly actions: Listed;
  /** Absent in trust policies, which stand for their role. */
  readonly resources?: Listed;
  readonly principals?: { readonly but: boolean; readonly named: readonly Named[] };
  readonly conditions: readonly Condition[];
  /** `${…}` are variables: from version 2012-10-17 on. */
  readonly hasVariables: boolean;
};
export type Policy = readonly PolicyStatement[];

const list = (value: string | readonly string[] | undefined): readonly string[] =>
  typeof value === "string" ? [value] : (value ?? []);

const listed = (names: z.infer<typeof Many> | undefined, but: z.infer<typeof Many> | undefined): Listed | undefined => {
  if (names !== undefined) return { but: false, names: list(names) };
  return but === undefined ? undefined : { but: true, names: list(but) };
};

const named = (given: z.infer<typeof Principals>): readonly Named[] =>
  typeof given === "string"
    ? [{ type: "AWS", name: given }]
    : Object.entries(given).flatMap(([type, names]) => list(names).map((name) => ({ type, name })));

const principals = ({ Principal, NotPrincipal }: z.infer<typeof Statement>): PolicyStatement["principals"] => {
  if (Principal !== undefined) return { but: false, named: named(Principal) };
  return NotPrincipal === undefined ? undefined : { but: true, named: named(NotPrincipal) };
};

const conditions = (given: z.infer<typeof Statement>["Condition"]): readonly Condition[] =>
  Object.entries(given ?? {}).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => ({ operator, key, values: [values].flat().map(String) })),
  );

const statement =
  (hasVariables: boolean) =>
  (given: z.infer<typeof Statement>): PolicyStatement => {
    const resources = listed(given.Resource, given.NotResource);
    const who = principals(given);
    return {
      effect: given.Effect,
      actions: listed(given.Action, given.NotAction) ?? { but: false, names: [] },
      ...(resources && { resources }),
      ...(who && { principals: who }),
      conditions: conditions(given.Condition),
      hasVariables,
    };
  };

/** What cannot be read may allow and may deny anything: this operator is never decided. */
const unreadable = (effect: "Allow" | "Deny"): PolicyStatement => ({
  effect,
  actions: { but: false, names: ["*"] },
  principals: { but: false, named: [{ type: "AWS", name: "*" }] },
  conditions: [{ operator: "Unreadable", key: "rekey:unreadable", values: [] }],
  hasVariables: false,
});
export const UNREADABLE: Policy = [unreadable("Allow"), unreadable("Deny")];

const json = (text: string): unknown => {
  try {
    // IAM's own API answers documents URL-encoded (RFC 3986); others answer them as they are.
    return JSON.parse(text.startsWith("%") ? decodeURIComponent(text) : text);
  } catch {
    return undefined;
  }
};

/** A policy document as text. One that cannot be read is `UNREADABLE`: everything it decides is `maybe`. */
export const parsePolicy = (text: string): Policy => {
  const parsed = Document.safeParse(json(text));
  if (!parsed.success) return UNREADABLE;
  return [parsed.data.Statement].flat().map(statement(parsed.data.Version === "2012-10-17"));
};
