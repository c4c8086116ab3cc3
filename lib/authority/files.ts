import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Policies } from "../core/authority/ruling.ts";
import { Misconfigured } from "../core/errors.ts";

type Cedar = typeof import("@cedar-policy/cedar-wasm/nodejs");

const file = (path: string) => fileURLToPath(new URL(`../../authority/${path}`, import.meta.url));
/** Beside the stacks and the tests, which are no cold start, a call that does not wait is simpler. */
const cedar = (): Cedar => createRequire(import.meta.url)("@cedar-policy/cedar-wasm/nodejs") as Cedar;

/** The file of the schema that every policy is checked against. */
export const schemaText = (): string => readFileSync(file("rekey.cedarschema"), "utf8");

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Misconfigured(`Authority file ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
};

const wrong = (path: string, what: string): never => {
  throw new Misconfigured(`Authority file ${path}: ${what}`);
};

/** The policies of a file, by their `@id`: it goes into the ledger with what they decide. */
const policiesIn = (path: string): readonly (readonly [id: string, text: string])[] => {
  const parts = cedar().policySetTextToParts(textOf(path));
  if (parts.type === "failure") return wrong(path, parts.errors[0]?.message ?? "it is no Cedar");
  if (parts.policy_templates.length > 0) return wrong(path, "it holds a template, which nothing here fills in");
  return parts.policies.map((text) => {
    const json = cedar().policyToJson(text);
    const id = json.type === "success" ? json.json.annotations?.["id"] : undefined;
    return id ? ([id, text] as const) : wrong(path, `a policy has no @id("…"): ${text.slice(0, 60)}`);
  });
};

const assertValid = (policies: Policies): void => {
  const told = cedar().validate({
    schema: schemaText(),
    policies: { staticPolicies: { ...policies } },
    validationSettings: { mode: "strict" },
  });
  if (told.type === "failure") throw new Misconfigured(`The authority schema: ${told.errors[0]?.message}`);
  const [first] = [...told.validationErrors, ...told.validationWarnings];
  if (first) throw new Misconfigured(`Authority policy ${first.policyId}: ${first.error.message}`);
};

/**
 * The policies of these Cedar files by id, found to be right by the schema. Throws Misconfigured: which file, which
 * policy, what is wrong. Warnings count: a policy that never applies was meant to.
 */
export const readPolicies = (paths: readonly string[] = [file("default.cedar")]): Policies => {
  const all = paths.flatMap((path) => policiesIn(path).map(([id, text]) => ({ path, id, text })));
  const twice = all.find(({ id }, i) => all.findIndex((one) => one.id === id) < i);
  if (twice) wrong(twice.path, `@id("${twice.id}") is taken. Choose another: the ledger names policies by it.`);
  const policies = Object.fromEntries(all.map(({ id, text }) => [id, text]));
  assertValid(policies);
  return policies;
};
