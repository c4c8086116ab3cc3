import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { settle } from "../../cdk/config.ts";
import { playbookFile, policyFile } from "../../cdk/constructs/deciding.ts";
import { parsePlaybooks } from "../../lib/core/playbook.ts";
import defaults from "../../playbooks/default.json" with { type: "json" };
import { strictFile } from "../decide/sets.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

it("deploys the shipped playbooks as they are", () => {
  expect(parsePlaybooks(read(playbookFile()))).toEqual(parsePlaybooks(defaults));
});
it("deploys YAML as the JSON that the function reads", () => {
  const file = playbookFile([strictFile]);
  expect(parsePlaybooks(read(file)).length).toBeGreaterThan(4);
  expect(file).not.toBe(playbookFile());
  expect(file).toBe(playbookFile([strictFile]));
});
it("refuses at synth what the function would refuse", () => {
  const path = join(mkdtempSync(join(tmpdir(), "rekey-")), "wrong.yaml");
  writeFileSync(path, "playbooks: [{ name: p }]\n");
  expect(() => playbookFile([path])).toThrow(/wrong\.yaml.*playbooks\.0/);
  expect(settle({ playbooks: [path] }, "x").playbooks).toEqual([path]);
  expect(() => settle({ playbooks: [] }, "x")).toThrow(/needs a file/);
});

it("deploys the shipped policies, and refuses at synth what Cedar or the schema refuses", () => {
  expect(Object.keys((read(policyFile()) as { policies: object }).policies)).toContain("agent-never-executes");
  const path = join(mkdtempSync(join(tmpdir(), "rekey-")), "wrong.cedar");
  writeFileSync(path, '@id("a") permit (principal, action, resource) when { resource.colour == "red" };');
  expect(() => policyFile([path])).toThrow(/Authority policy a/);
  expect(settle({ authority: [path] }, "x").authority).toEqual([path]);
});
