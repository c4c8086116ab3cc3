import { readFileSync, writeFileSync } from "node:fs";
import { App, type Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { expect } from "vitest";
import { type Config, settle } from "../../cdk/config.ts";
import { addRekey } from "../../cdk/rekey.ts";

/** An app that bundles no function: esbuild is for deploying. */
export const newApp = (): App => new App({ context: { "aws:cdk:bundling-stacks": [] } });

export const HUB = { account: "111111111111", region: "eu-central-1" };

/** The stacks of a config, in an app of their own. */
export const rekey = (config: Config = {}) => {
  const app = newApp();
  return { app, ...addRekey(app, settle(config, "test.config.ts")) };
};

export const singleAccount = { env: HUB } satisfies Config;
export const manyAccounts = {
  env: HUB,
  organization: "o-abcdefghij",
  spokes: [
    { ...HUB },
    { account: "222222222222", region: "eu-central-1", networks: [{ name: "default" }, { name: "vpn" }] },
  ],
} satisfies Config;

export type Resource = { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> };
export const resources = (stack: Stack, type?: string): readonly (readonly [string, Resource])[] =>
  Object.entries((Template.fromStack(stack).toJSON()["Resources"] ?? {}) as Readonly<Record<string, Resource>>).filter(
    ([, resource]) => type === undefined || resource.Type === type,
  );

type Node = Readonly<Record<string, unknown>>;
/** A CloudFormation value in one readable piece of text; references by name, without CDK's hashes. */
export const flat = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(flat).join(" | ");
  if (typeof value !== "object" || value === null) return String(value);
  const node = value as Node;
  if (typeof node["Ref"] === "string") return `<${node["Ref"].replace(/[0-9A-F]{8}$/, "")}>`;
  const join = node["Fn::Join"] as readonly [string, readonly unknown[]] | undefined;
  if (join) return join[1].map(flat).join(join[0]);
  const get = node["Fn::GetAtt"] as readonly [string, string] | undefined;
  if (get) return `<${get[0].replace(/[0-9A-F]{8}$/, "")}.${get[1]}>`;
  return Object.entries(node)
    .map(([key, inner]) => `${key}: ${flat(inner)}`)
    .join(", ");
};

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
export type Statement = {
  readonly holder: string;
  readonly effect: string;
  readonly principal: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly condition: string;
};

const statementsIn = (holder: string, document: unknown): readonly Statement[] =>
  (((document as Node | undefined)?.["Statement"] ?? []) as readonly Node[]).map((statement) => ({
    holder,
    effect: String(statement["Effect"]),
    principal: statement["Principal"] ? flat(statement["Principal"]) : "",
    actions: list(statement["Action"]).map(String),
    resources: list(statement["Resource"] ?? "this").map(flat),
    condition: statement["Condition"] ? flat(statement["Condition"]) : "",
  }));

const named = (properties: Node, id: string): string =>
  flat(properties["RoleName"] ?? properties["Roles"] ?? properties["QueueName"] ?? properties["TableName"] ?? id);

const DOCUMENTS = ["PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument"];
/** Every statement of a stack: of roles, and of the policies on queues, buckets, tables and keys. */
export const statements = (stack: Stack): readonly Statement[] =>
  resources(stack).flatMap(([id, { Properties = {} }]) => [
    ...DOCUMENTS.flatMap((name) =>
      statementsIn(
        `${named(Properties, id.replace(/[0-9A-F]{8}$/, ""))} ${name === "AssumeRolePolicyDocument" ? "trusts" : ""}`.trim(),
        Properties[name],
      ),
    ),
    ...((Properties["Policies"] ?? []) as readonly Node[]).flatMap((policy) =>
      statementsIn(named(Properties, id), policy["PolicyDocument"]),
    ),
    ...statementsIn(
      `${named(Properties, id)} resource policy`,
      (Properties["ResourcePolicy"] as Node | undefined)?.["PolicyDocument"],
    ),
  ]);

/** Compares with `goldens/<name>.txt`; `UPDATE_GOLDENS=1 npx vitest run test/cdk` rewrites it. */
export const expectGolden = (name: string, lines: readonly string[]): void => {
  const file = new URL(`goldens/${name}.txt`, import.meta.url);
  const text = `${[...lines].sort().join("\n")}\n`;
  if (process.env["UPDATE_GOLDENS"]) writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, "utf8"));
};
