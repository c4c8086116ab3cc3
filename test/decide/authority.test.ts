import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { validate } from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cedarAuthority, requestOf } from "../../lib/authority/cedar.ts";
import { readPolicies, schemaText } from "../../lib/authority/files.ts";
import { authorisation, type Question, type Ruling, type Target } from "../../lib/core/authority/ruling.ts";
import { Misconfigured } from "../../lib/core/errors.ts";

const root = join(import.meta.dirname, "../..");
const TWO = [join(root, "authority/default.cedar"), join(root, "authority/two-person.cedar")];
const dir = mkdtempSync(join(tmpdir(), "rekey-authority-"));
const put = (name: string, text: string) => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};

const target = (rest: Partial<Target> = {}): Target => ({
  id: "arn:x",
  kind: "demo",
  account: "111122223333",
  protected: false,
  ...rest,
});
const question = (type: Question["principal"]["type"], targets: readonly Target[], breakGlass = false): Question => ({
  principal: { type, id: "p", ...(type !== "Playbook" && { name: "p" }) },
  targets,
  context: { scenario: "exfiltrated", severity: 80, actions: ["revoke"], blastLow: 1, blastHigh: 100, breakGlass },
});
const ask = async (asked: Question, files?: readonly string[]) =>
  authorisation(await cedarAuthority(async () => readPolicies(files)).rule(asked), asked.context.breakGlass);

describe("the shipped authority", () => {
  it.each([
    ["a playbook", question("Playbook", [target()]), "execute", ["playbook-executes"]],
    [
      "a playbook on what is protected",
      question("Playbook", [target({ protected: true })]),
      "propose",
      ["everyone-proposes"],
    ],
    ["a person", question("Person", [target({ protected: true })]), "execute", ["person-executes"]],
    ["an agent", question("Agent", [target()]), "propose", ["agent-never-executes", "everyone-proposes"]],
    [
      "an agent with the glass broken",
      question("Agent", [target()], true),
      "propose",
      ["agent-never-executes", "everyone-proposes"],
    ],
    ["somebody about nothing", question("Person", []), "refuse", []],
  ] as const)("%s", async (_, asked, decision, policies) => {
    expect(await ask(asked)).toMatchObject({ decision, policies });
  });
  it("stops all where one of several may not be executed", async () => {
    const asked = question("Playbook", [target(), target({ id: "arn:y", protected: true })]);
    expect((await ask(asked)).decision).toBe("propose");
  });
});

describe("with two persons", () => {
  it.each([
    ["a person on what is protected", question("Person", [target({ protected: true })]), "propose", "two-persons"],
    ["a person in the first tier", question("Person", [target({ tier: "1" })]), "propose", "two-persons"],
    ["a person elsewhere", question("Person", [target({ tier: "2" })]), "execute", "person-executes"],
    [
      "a person who breaks the glass",
      question("Person", [target({ protected: true })], true),
      "execute",
      "person-executes",
    ],
    [
      "a playbook in the first tier",
      question("Playbook", [target({ tier: "1" })]),
      "propose",
      "playbook-asks-about-the-first-tier",
    ],
  ] as const)("%s", async (_, asked, decision, policy) => {
    const told = await ask(asked, TWO);
    expect(told.decision).toBe(decision);
    expect(told.policies).toContain(policy);
    expect(told.breakGlass ?? false).toBe(asked.context.breakGlass);
  });
});

describe("policies", () => {
  const good = '@id("a") permit (principal, action, resource);';
  it.each([
    [
      "an attribute that the schema lacks",
      '@id("a") permit (principal, action, resource) when { resource.colour == "red" };',
      /policy a/,
    ],
    [
      "an optional attribute that is not asked for",
      '@id("a") permit (principal, action, resource) when { resource.tier == "1" };',
      /policy a/,
    ],
    [
      "an action that there is none of",
      '@id("a") permit (principal, action == Rekey::Action::"destroy", resource);',
      /policy a/,
    ],
    ["no id", "permit (principal, action, resource);", /x\.cedar: a policy has no @id/],
    ["an id twice", `${good}\n${good}`, /"a"\) is taken/],
    ["what is no Cedar", "permit everything", /x\.cedar/],
    ["a template", '@id("a") permit (principal == ?principal, action, resource);', /template/],
  ])("with %s are refused", (_, text, message) => {
    const path = put("x.cedar", text);
    expect(() => readPolicies([path])).toThrow(Misconfigured);
    expect(() => readPolicies([path])).toThrow(message);
  });
  it("that cannot be read when they are asked are an error, and are tried again", async () => {
    let first = true;
    const authority = cedarAuthority(async () => {
      if (!first) return readPolicies();
      first = false;
      return { a: "permit everything" };
    });
    authority.warm();
    await expect(authority.rule(question("Person", [target()]))).rejects.toThrow(Misconfigured);
    expect(await authority.rule(question("Person", [target()]))).toHaveLength(2);
  });
});

describe("fail closed", () => {
  const ruling = (rest: Partial<Ruling>): Ruling => ({
    action: "execute",
    allowed: true,
    policies: [],
    errors: [],
    ...rest,
  });
  it("takes a policy that could not be asked for a refusal: it might have forbidden", () => {
    const told = [ruling({ errors: ["two-persons"] }), ruling({ action: "propose" })];
    expect(authorisation(told, false).decision).toBe("propose");
    expect(
      authorisation([ruling({ allowed: false }), ruling({ action: "propose", errors: ["x"] })], false).decision,
    ).toBe("refuse");
  });
});

it("every request that can be made is one that the schema takes", () => {
  const text = fc.option(fc.string(), { nil: undefined });
  const made = fc.record({
    type: fc.constantFrom("Playbook", "Person", "Agent"),
    id: fc.string(),
    target: fc.record({
      id: fc.string(),
      kind: fc.string(),
      account: fc.string(),
      protected: fc.boolean(),
      environment: text,
      tier: text,
      owner: text,
      dataClass: text,
      privilege: text,
    }),
    action: fc.constantFrom("execute", "propose"),
    breakGlass: fc.boolean(),
  });
  const schema = schemaText();
  const policies = { staticPolicies: readPolicies() };
  expect(validate({ schema, policies }).type).toBe("success");
  fc.assert(
    fc.property(made, ({ type, id, target: given, action, breakGlass }) => {
      const one = JSON.parse(JSON.stringify(given)) as Target;
      const asked = {
        ...question(type, [one], breakGlass),
        principal: { type, id, ...(type !== "Playbook" && { name: id }) },
      };
      const told = cedar.isAuthorized({ ...requestOf(asked, one, action), policies, schema, validateRequest: true });
      expect(told).toMatchObject({ type: "success" });
    }),
    { numRuns: 200 },
  );
});

it("the page shows a policy that the schema takes", () => {
  const page = readFileSync(join(root, "docs/explanation/authority.md"), "utf8");
  const [, shown = ""] = /```cedar\n([\s\S]*?)```/.exec(page) ?? [];
  expect(Object.keys(readPolicies([...TWO, put("shown.cedar", shown)]))).toContain("payments-belong-to-payments");
});
